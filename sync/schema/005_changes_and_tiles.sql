-- What changed since which version, who is told, and the generalised tables that tiles of low zooms are read from.

-- Change rows are pruned; those of versions up to change_floor may be gone.
ALTER TABLE gridlight.layer_state ADD COLUMN change_floor bigint NOT NULL DEFAULT 0;

-- NULL while its transaction is open: the version is given at commit.
ALTER TABLE gridlight.layer_change ALTER COLUMN version DROP NOT NULL;

-- Layers that have a generalised table gridlight_tiles.<layer>. Below detail_zoom tiles are read from it, from
-- there on from the layer itself.
CREATE TABLE gridlight.tile_state (
  layer       text COLLATE "C" PRIMARY KEY,
  detail_zoom integer NOT NULL,
  version     bigint NOT NULL,  -- of the layer that the generalised table was made from
  rules       text NOT NULL,    -- what it was made by; another text: it has to be made anew
  built_at    timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

DO $$
BEGIN
  IF to_regnamespace('gridlight_tiles') IS NULL THEN
    CREATE SCHEMA gridlight_tiles;
  END IF;
END
$$;
