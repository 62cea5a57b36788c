-- What changed since which version, who is told, and the generalised tables that tiles of low zooms are read from.

-- Change rows are pruned; those of versions up to change_floor may be gone.
ALTER TABLE gridlight.layer_state ADD COLUMN change_floor bigint NOT NULL DEFAULT 0;

-- version: NULL while its transaction is open, it is given at commit. added: rows more (or less) in the layer, counted
-- by its triggers; NULL: whoever wrote this saw to row_count and bounds.
-- An envelope without a place (POLYGON EMPTY) is a change that no map shows.
ALTER TABLE gridlight.layer_change ALTER COLUMN version DROP NOT NULL, ADD COLUMN added bigint;
CREATE INDEX layer_change_open ON gridlight.layer_change (layer) WHERE version IS NULL;
DROP INDEX gridlight.layer_change_at;

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

-- What a circuit's features are coloured by: good, warning, critical, outage or unknown. One that is not in it is
-- unknown. Raises the layer circuit_condition, which has no features of its own.
CREATE TABLE gridlight.circuit_condition (
  circuit_id text COLLATE "C" PRIMARY KEY,
  condition  text NOT NULL
) WITH (fillfactor = 70);

-- Circuits to be judged again when the transaction commits; NULL: all. Empty between transactions.
CREATE UNLOGGED TABLE gridlight.circuit_touched (
  touch_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  circuits text[]
);

-- Layers whose tables tell of their changes. Only what stands here is run as SQL, whoever owns the table.
CREATE TABLE gridlight.watched (
  layer           text COLLATE "C" PRIMARY KEY,
  relation        text COLLATE "C" NOT NULL,  -- as format('%I.%I') writes it: it outlives the table
  geometry        text,                       -- SQL over the table's columns; NULL: none
  circuit_columns text[] NOT NULL DEFAULT '{}'
);
CREATE INDEX watched_relation ON gridlight.watched (relation);

-- The limits of the API's circuit summaries.
CREATE FUNCTION gridlight.judge(load double precision, health double precision) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
  WHEN (load IS NULL OR load * 0 <> 0) AND (health IS NULL OR health * 0 <> 0) THEN 'unknown'
  WHEN (load * 0 = 0 AND load > 85) OR (health * 0 = 0 AND health < 50) THEN 'critical'
  WHEN (load * 0 = 0 AND load > 70) OR (health * 0 = 0 AND health < 70) THEN 'warning'
  ELSE 'good'
END;

-- SQL that gives the number of rows of `source`, which gives boxes b (box3d), and an envelope of them: up to 64 boxes as
-- they are, more of them by the cell of an 8 x 8 grid, so that places far apart make no box in common.
CREATE FUNCTION gridlight.envelope_sql(source text) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN format($sql$
WITH b AS MATERIALIZED (
  SELECT ST_XMin(b) AS x0, ST_YMin(b) AS y0, ST_XMax(b) AS x1, ST_YMax(b) AS y1 FROM (%s OFFSET 0) s),
e AS MATERIALIZED (SELECT count(x0) AS placed, min(x0) AS x, min(y0) AS y,
             (max(x1) - min(x0)) / 8 AS w, (max(y1) - min(y0)) / 8 AS h
      FROM b WHERE x0 IS NULL OR (x1 - x0) * 0 + (y1 - y0) * 0 = 0),
c AS (SELECT min(x0) AS x0, min(y0) AS y0, max(x1) AS x1, max(y1) AS y1
      FROM b, e WHERE (x1 - x0) * 0 + (y1 - y0) * 0 = 0
      GROUP BY CASE WHEN placed <= 64 THEN x0 ELSE least(7, floor(((x0 + x1) / 2 - x) / nullif(w, 0))) END,
               CASE WHEN placed <= 64 THEN y0 ELSE least(7, floor(((y0 + y1) / 2 - y) / nullif(h, 0))) END,
               CASE WHEN placed <= 64 THEN x1 END, CASE WHEN placed <= 64 THEN y1 END)
SELECT (SELECT count(*) FROM b),
       CASE count(*) WHEN 0 THEN 'SRID=4326;POLYGON EMPTY'::geometry
                     WHEN 1 THEN ST_MakeEnvelope(min(x0), min(y0), max(x1), max(y1), 4326)
                     ELSE ST_Collect(ST_MakeEnvelope(x0, y0, x1, y1, 4326) ORDER BY x0, y0, x1, y1) END
FROM c$sql$, source);

-- Everybody who changes a layer says so by this, in the same transaction. envelope NULL: all of it may have changed.
CREATE FUNCTION gridlight.changed(layer text, envelope geometry) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  INSERT INTO gridlight.layer_change (layer, version, envelope) VALUES ($1, NULL, $2);
END
$$;

-- After a swap of circuits or outages, whose triggers did not see the rows.
CREATE FUNCTION gridlight.refresh_conditions() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  INSERT INTO gridlight.circuit_touched (circuits) VALUES (NULL);
END
$$;

-- The rows' locks are taken before they are judged: of two transactions that touch one circuit, the second sees what
-- the first committed. The tables' come before them, as in a swap, which would wait for us otherwise, and we for it.
CREATE FUNCTION gridlight.judge_touched() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  circuits_sql text := 'SELECT NULL::text, NULL::text WHERE false';
  outages_sql  text := 'SELECT NULL::text WHERE false';
  ids          text[];
  everything   boolean;
  source       text;
  envelope     geometry;
BEGIN
  WITH gone AS (DELETE FROM gridlight.circuit_touched RETURNING circuits)
  SELECT array_agg(DISTINCT id ORDER BY id) FILTER (WHERE id IS NOT NULL), bool_or(circuits IS NULL)
  INTO ids, everything FROM gone LEFT JOIN LATERAL unnest(circuits) AS id ON true;
  IF everything IS NULL THEN
    RETURN;
  END IF;
  IF to_regclass('public.circuit_status_realtime') IS NOT NULL THEN
    LOCK TABLE public.circuit_status_realtime IN ACCESS SHARE MODE;
    circuits_sql := 'SELECT circuit_id, gridlight.judge(avg_load_percent, avg_health_score)
                     FROM public.circuit_status_realtime';
  END IF;
  IF to_regclass('public.outage_restoration_tracker') IS NOT NULL THEN
    LOCK TABLE public.outage_restoration_tracker IN ACCESS SHARE MODE;
    outages_sql := 'SELECT circuit_id FROM public.outage_restoration_tracker
                    WHERE status IS DISTINCT FROM ''RESTORED'' AND circuit_id IS NOT NULL';
  END IF;
  IF everything THEN
    EXECUTE format('SELECT array_agg(id ORDER BY id) FROM (SELECT c.id FROM (%s) AS c (id, condition)
                    UNION SELECT o.id FROM (%s) AS o (id) UNION SELECT circuit_id FROM gridlight.circuit_condition) s',
                   circuits_sql, outages_sql) INTO ids;
  END IF;
  INSERT INTO gridlight.circuit_condition SELECT id, 'unknown' FROM unnest(ids) AS id ORDER BY id COLLATE "C"
  ON CONFLICT DO NOTHING;
  PERFORM FROM gridlight.circuit_condition WHERE circuit_id = ANY (ids) ORDER BY circuit_id FOR NO KEY UPDATE;
  EXECUTE format('
    WITH judged AS (
      SELECT id, CASE WHEN o.circuit IS NOT NULL THEN ''outage'' ELSE coalesce(c.condition, ''unknown'') END AS condition
      FROM unnest($1) AS id
      LEFT JOIN (SELECT * FROM (%s) AS c (circuit, condition) WHERE circuit = ANY ($1)) c ON c.circuit = id
      LEFT JOIN (SELECT DISTINCT circuit FROM (%s) AS o (circuit) WHERE circuit = ANY ($1)) o ON o.circuit = id),
    moved AS (
      UPDATE gridlight.circuit_condition c SET condition = j.condition FROM judged j
      WHERE c.circuit_id = j.id AND c.condition <> j.condition RETURNING c.circuit_id)
    SELECT array_agg(circuit_id) FROM moved', circuits_sql, outages_sql) INTO ids USING ids;
  IF ids IS NULL THEN
    RETURN;
  END IF;
  -- Where their features are. So many circuits as to be most of the map: everywhere.
  IF cardinality(ids) <= 1000 THEN
    SELECT string_agg(
      format('SELECT (%s)::geometry::box3d AS b FROM %s WHERE %s', w.geometry, w.relation,
             (SELECT string_agg(format('%I = ANY ($1)', name), ' OR ') FROM unnest(w.circuit_columns) AS name)),
      ' UNION ALL ')
    INTO source FROM gridlight.watched w
    WHERE w.circuit_columns <> '{}' AND w.geometry IS NOT NULL AND to_regclass(w.relation) IS NOT NULL;
    envelope := 'SRID=4326;POLYGON EMPTY';
    IF source IS NOT NULL THEN
      BEGIN
        EXECUTE 'SELECT envelope FROM (' || gridlight.envelope_sql(source) || ') AS found (n, envelope)'
        INTO envelope USING ids;
      EXCEPTION WHEN syntax_error_or_access_rule_violation OR data_exception OR internal_error THEN
        envelope := NULL;
      END;
    END IF;
  END IF;
  PERFORM gridlight.changed('circuit_condition', envelope);
END
$$;

-- Runs once a transaction, at its commit, and gives every layer that it changed one version. Locks are taken in one
-- order, conditions first and then layers by name, so that no two commits wait for each other.
CREATE FUNCTION gridlight.settle() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  c        record;
  raised   bigint;
  envelope geometry;
BEGIN
  IF TG_TABLE_NAME = 'layer_change' THEN
    PERFORM FROM gridlight.layer_change WHERE change_id = NEW.change_id AND version IS NULL;
  ELSE
    PERFORM FROM gridlight.circuit_touched WHERE touch_id = NEW.touch_id;
  END IF;
  IF NOT FOUND THEN
    RETURN NULL;  -- an earlier row of this transaction saw to it
  END IF;
  IF EXISTS (SELECT FROM gridlight.circuit_touched) THEN
    BEGIN
      PERFORM gridlight.judge_touched();
    EXCEPTION WHEN syntax_error_or_access_rule_violation OR data_exception THEN
      -- A table of another shape must not keep anybody from writing.
      RAISE WARNING 'gridlight: the circuits'' conditions were not judged: %', SQLERRM;
      DELETE FROM gridlight.circuit_touched;
    END;
  END IF;
  FOR c IN
    SELECT o.layer, count(*) AS n, sum(o.added) AS added, bool_or(o.envelope IS NULL) AS everything,
           ST_SetSRID(ST_Extent(o.envelope) FILTER (WHERE o.added IS NOT NULL)::geometry, 4326) AS extent
    FROM gridlight.layer_change o WHERE o.version IS NULL GROUP BY o.layer ORDER BY o.layer
  LOOP
    INSERT INTO gridlight.layer_state AS s (layer, version, changed_at) VALUES (c.layer, 1, clock_timestamp())
    ON CONFLICT (layer) DO UPDATE SET
      version = s.version + 1, changed_at = clock_timestamp(),
      row_count = greatest(s.row_count + coalesce(c.added, 0), 0),
      -- Bounds only grow; those that are not known stay so.
      bounds = CASE WHEN c.extent IS NULL THEN s.bounds
                    WHEN s.bounds IS NULL THEN CASE WHEN s.row_count = 0 THEN ST_Envelope(c.extent) END
                    WHEN s.bounds ~ c.extent THEN s.bounds
                    ELSE ST_Envelope(ST_Collect(s.bounds, c.extent)) END
    RETURNING version INTO raised;
    IF c.n <= 64 THEN
      UPDATE gridlight.layer_change SET version = raised, at = clock_timestamp()
      WHERE layer = c.layer AND version IS NULL;
    ELSE
      envelope := NULL;
      IF NOT c.everything THEN
        EXECUTE 'SELECT envelope FROM (' || gridlight.envelope_sql(
                  'SELECT d.geom::box3d AS b FROM gridlight.layer_change c, ST_Dump(c.envelope) AS d
                   WHERE c.layer = $1 AND c.version IS NULL') || ') AS found (n, envelope)'
        INTO envelope USING c.layer;
      END IF;
      DELETE FROM gridlight.layer_change WHERE layer = c.layer AND version IS NULL;
      INSERT INTO gridlight.layer_change (layer, version, envelope, at)
      VALUES (c.layer, raised, envelope, clock_timestamp());
    END IF;
    PERFORM pg_notify('gridlight', c.layer);
    -- The last 1,000 versions and the last hour are kept.
    IF raised % 64 = 0 THEN
      WITH gone AS (
        DELETE FROM gridlight.layer_change WHERE change_id IN (
          SELECT change_id FROM gridlight.layer_change
          WHERE layer = c.layer AND version <= raised - 1000 AND at < now() - interval '1 hour'
          ORDER BY version LIMIT 4096)
        RETURNING version)
      UPDATE gridlight.layer_state s SET change_floor = greatest(s.change_floor, g.version)
      FROM (SELECT max(version) AS version FROM gone) g WHERE s.layer = c.layer AND g.version IS NOT NULL;
    END IF;
  END LOOP;
  RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER settle AFTER INSERT ON gridlight.layer_change DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (NEW.version IS NULL) EXECUTE FUNCTION gridlight.settle();
CREATE CONSTRAINT TRIGGER settle AFTER INSERT ON gridlight.circuit_touched DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION gridlight.settle();

-- Of a watched table, once a statement. Rows that an UPDATE left as they were count for nothing: they are compared byte by
-- byte, which needs no operator of their types, each with the one at its place among the others (Postgres keeps both in
-- one order; did it not, more would seem to have changed, never less). Circuits are touched only when their own class or
-- outages differ.
CREATE FUNCTION gridlight.note_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  here     text := format('%I.%I', TG_TABLE_SCHEMA, TG_TABLE_NAME);
  w        record;
  box      text;
  source   text;
  n        bigint;
  envelope geometry;
  judged   text;
  ids      text[];
BEGIN
  FOR w IN SELECT layer, coalesce(geometry, 'NULL') AS geometry FROM gridlight.watched WHERE relation = here LOOP
    IF TG_OP = 'TRUNCATE' THEN
      UPDATE gridlight.layer_change SET added = NULL WHERE layer = w.layer AND version IS NULL;
      UPDATE gridlight.layer_state SET row_count = 0, bounds = NULL WHERE layer = w.layer;
      PERFORM gridlight.changed(w.layer, NULL);
      CONTINUE;
    END IF;
    box := format('(%s)::geometry::box3d AS b', w.geometry);
    source := CASE TG_OP
      WHEN 'INSERT' THEN format('SELECT %s FROM new_rows', box)
      WHEN 'DELETE' THEN format('SELECT %s FROM old_rows', box)
      ELSE format('
        SELECT v.b FROM (SELECT row_number() OVER () AS i, ROW(gridlight_row.*) AS r, %1$s FROM new_rows AS gridlight_row) n
        FULL JOIN (SELECT row_number() OVER () AS i, ROW(gridlight_row.*) AS r, %1$s FROM old_rows AS gridlight_row) o USING (i),
        LATERAL (VALUES (n.b), (o.b)) AS v (b) WHERE (n.r *= o.r) IS NOT TRUE', box)
    END;
    BEGIN
      EXECUTE gridlight.envelope_sql(source) INTO n, envelope;
    EXCEPTION WHEN syntax_error_or_access_rule_violation OR data_exception OR internal_error THEN
      -- The geometry is no longer as it was registered: nobody is kept from writing for that.
      n := NULL;
      envelope := NULL;
    END;
    IF n = 0 THEN
      CONTINUE;
    END IF;
    INSERT INTO gridlight.layer_change (layer, version, envelope, added)
    VALUES (w.layer, NULL, envelope, CASE TG_OP WHEN 'INSERT' THEN n WHEN 'DELETE' THEN -n WHEN 'UPDATE' THEN 0 END);
  END LOOP;

  IF here = 'public.circuit_status_realtime' THEN
    judged := 'SELECT circuit_id::text AS id, gridlight.judge(avg_load_percent, avg_health_score) AS c, %s AS d FROM %s';
  ELSIF here = 'public.outage_restoration_tracker' THEN
    judged := 'SELECT circuit_id::text AS id, ''open'' AS c, %s AS d FROM %s WHERE status IS DISTINCT FROM ''RESTORED''';
  ELSE
    RETURN NULL;
  END IF;
  BEGIN
    source := CASE TG_OP
      WHEN 'INSERT' THEN format(judged, '1', 'new_rows')
      WHEN 'DELETE' THEN format(judged, '1', 'old_rows')
      WHEN 'UPDATE' THEN format(judged, '1', 'new_rows') || ' UNION ALL ' || format(judged, '-1', 'old_rows')
    END;
    IF source IS NOT NULL THEN
      EXECUTE format('SELECT array_agg(DISTINCT id) FROM (
                        SELECT id FROM (%s) r WHERE id IS NOT NULL GROUP BY id, c HAVING sum(d) <> 0) s', source)
      INTO ids;
      IF ids IS NULL THEN
        RETURN NULL;
      END IF;
    END IF;
  EXCEPTION WHEN syntax_error_or_access_rule_violation OR data_exception THEN
    ids := NULL;
  END;
  INSERT INTO gridlight.circuit_touched (circuits) VALUES (ids);
  RETURN NULL;
END
$$;

-- Makes a table tell of its changes, as the given layer's; puts back triggers that a DROP took along. As whoever may
-- make triggers on the table and write gridlight.watched.
CREATE FUNCTION gridlight.watch(layer text, relation regclass, geometry_sql text, circuit_columns text[] DEFAULT '{}')
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  qualified text;
  kind      "char";
  event     text[];
BEGIN
  SELECT format('%I.%I', n.nspname, c.relname), c.relkind INTO qualified, kind
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $2;
  IF kind IS NULL OR kind NOT IN ('r', 'p') THEN
    RAISE EXCEPTION '% is not a table: watch the one that its rows come from', $2 USING ERRCODE = 'wrong_object_type';
  END IF;
  -- A mistake shows now, not at somebody's next write.
  EXECUTE format('SELECT (%s)::geometry::box3d%s FROM %s LIMIT 0', coalesce($3, 'NULL'),
                 (SELECT string_agg(format(', %I = ANY (NULL::text[])', name), '') FROM unnest($4) AS name), qualified);
  INSERT INTO gridlight.watched VALUES ($1, qualified, $3, $4)
  ON CONFLICT ON CONSTRAINT watched_pkey DO UPDATE SET
    relation = excluded.relation, geometry = excluded.geometry, circuit_columns = excluded.circuit_columns;
  FOREACH event SLICE 1 IN ARRAY ARRAY[
    ['insert', 'REFERENCING NEW TABLE AS new_rows'],
    ['update', 'REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows'],
    ['delete', 'REFERENCING OLD TABLE AS old_rows'],
    ['truncate', '']]
  LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER gridlight_%1$s AFTER %1$s ON %2$s %3$s
                    FOR EACH STATEMENT EXECUTE FUNCTION gridlight.note_change()', event[1], qualified, event[2]);
  END LOOP;
END
$$;

-- The layers of the tables that migrations made. One that somebody replaced by a table of another shape, or of which we
-- are not the owner, is left alone.
CREATE FUNCTION gridlight.watch_built_in() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  b record;
BEGIN
  FOR b IN
    SELECT v.layer, to_regclass('public.' || v.relation) AS found, v.geometry, v.circuit_columns FROM (VALUES
      ('substations', 'substations', 'geom', '{}'::text[]),
      ('transformers', 'transformers', 'geom', '{}'),
      ('power_lines', 'grid_power_lines', 'geom', '{circuit_id}'),
      ('buildings', 'building_footprints', 'geom', '{}'),
      ('water', 'osm_water', 'geom', '{}'),
      ('vegetation', 'vegetation_risk', 'geom', '{}'),
      ('meters', 'meter_locations_enhanced', 'geom', '{}'),
      ('customers', 'customers_spatial', 'geom', '{}'),
      ('assets', 'grid_assets_cache', 'geom', '{}'),
      ('topology', 'topology_connections_cache', 'geom', '{from_circuit_id,to_circuit_id}'),
      ('outages', 'outage_restoration_tracker', 'geom', '{}'),
      ('work_orders', 'work_orders', 'geom', '{}'),
      ('circuits', 'circuit_status_realtime', 'geom', '{}'),
      ('service_areas', 'circuit_service_areas', 'geom', '{}'),
      ('ami', 'ami_realtime', NULL, '{}')) AS v (layer, relation, geometry, circuit_columns)
  LOOP
    CONTINUE WHEN b.found IS NULL;
    BEGIN
      PERFORM gridlight.watch(b.layer, b.found, b.geometry, b.circuit_columns);
    EXCEPTION WHEN syntax_error_or_access_rule_violation THEN
      RAISE WARNING 'gridlight: % is not watched: %', b.found, SQLERRM;
    END;
  END LOOP;
END
$$;

-- One path for all, whoever calls, and no time spent on compiling what runs once.
DO $$
DECLARE
  f       regprocedure;
  postgis name := (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
                   WHERE e.extname = 'postgis');
BEGIN
  FOR f IN SELECT p.oid FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
           WHERE p.pronamespace = 'gridlight'::regnamespace AND l.lanname = 'plpgsql' LOOP
    EXECUTE format('ALTER FUNCTION %s SET search_path = pg_catalog, %I, pg_temp', f, postgis);
  END LOOP;
  FOREACH f IN ARRAY ARRAY['gridlight.note_change()', 'gridlight.settle()']::regprocedure[] LOOP
    EXECUTE format('ALTER FUNCTION %s SET jit = off', f);
    EXECUTE format('ALTER FUNCTION %s SET work_mem = %L', f, '64MB');
  END LOOP;
  -- How many boxes there will be is beyond the planner's guess; hashing them is right for few and for many.
  ALTER FUNCTION gridlight.note_change() SET enable_sort = off;
END
$$;

INSERT INTO gridlight.layer_state (layer, version, changed_at) VALUES ('circuit_condition', 1, now());
SELECT gridlight.watch_built_in();
SELECT gridlight.refresh_conditions();
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
