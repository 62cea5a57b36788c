-- One instance syncs at a time, and what people ask of it.

-- The row is taken over when it has expired, each time with a higher token.
CREATE TABLE gridlight.sync_lease (
  one        boolean PRIMARY KEY DEFAULT true CHECK (one),
  owner      text,
  token      bigint NOT NULL DEFAULT 0,
  expires_at timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 50);
INSERT INTO gridlight.sync_lease DEFAULT VALUES;

-- Called in every transaction that changes a layer, as late as can be: whoever's lease was taken over fails here, and
-- nobody can take it over between this and the commit.
CREATE FUNCTION gridlight.sync_fence(held bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM gridlight.sync_lease WHERE token = held FOR SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'another instance has taken over the sync' USING ERRCODE = 'GL001';
  END IF;
END
$$;
ALTER FUNCTION gridlight.sync_fence(bigint) SET search_path = pg_catalog, pg_temp;

-- Runs that were asked for, by the API or a command; the instance that holds the lease does them.
CREATE TABLE gridlight.sync_request (
  request_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name         text COLLATE "C" NOT NULL,  -- under sync.tables
  full_run     boolean NOT NULL DEFAULT false,
  allow_shrink boolean NOT NULL DEFAULT false,
  requested_by text,
  requested_at timestamptz NOT NULL DEFAULT now(),
  run_id       bigint,
  finished_at  timestamptz,
  outcome      jsonb  -- status, rows_synced, final_count, error
);
CREATE INDEX sync_request_open ON gridlight.sync_request (request_id) WHERE finished_at IS NULL;

-- Tables that are not run by schedule until somebody runs them by hand: those that were rolled back.
CREATE TABLE gridlight.sync_pause (
  name   text COLLATE "C" PRIMARY KEY,
  since  timestamptz NOT NULL DEFAULT now(),
  reason text NOT NULL
);
