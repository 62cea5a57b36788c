-- What keeps versions right over time: which database they are of, how much of the change log is kept, writers of
-- partitions, layers that are coloured by their circuits.

-- The database's own id. Together with the server's it tells versions apart that have the same number by chance.
CREATE TABLE gridlight.history (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  id  text NOT NULL
);
INSERT INTO gridlight.history (id) VALUES (gen_random_uuid()::text);

-- Whoever may read the layers' states may read this.
DO $$
DECLARE
  reader oid;
BEGIN
  FOR reader IN
    SELECT DISTINCT a.grantee FROM pg_class c, aclexplode(c.relacl) a
    WHERE c.oid = 'gridlight.layer_state'::regclass AND a.privilege_type = 'SELECT' AND a.grantee <> c.relowner
  LOOP
    EXECUTE format('GRANT SELECT ON gridlight.history TO %s',
                   CASE reader WHEN 0 THEN 'PUBLIC' ELSE reader::regrole::text END);
  END LOOP;
END
$$;

-- As before, but for what is kept of the change log; a count that is not known stays so.
CREATE OR REPLACE FUNCTION gridlight.settle() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  c        record;
  raised   bigint;
  envelope geometry;
  gone     bigint;
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
      row_count = CASE WHEN s.row_count IS NOT NULL THEN greatest(s.row_count + coalesce(c.added, 0), 0) END,
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
    -- The last 1,000 versions and the last hour are kept; of them no more than 4,096 rows with 16,384 boxes, for a
    -- server that starts reads them all. The floor goes up at once, the rows go in portions.
    IF raised % 64 = 0 THEN
      SELECT max(f.version) INTO gone FROM (
        (SELECT o.version FROM gridlight.layer_change o
         WHERE o.layer = c.layer AND o.version <= raised - 1000 AND o.at < now() - interval '1 hour'
         ORDER BY o.version DESC LIMIT 1)
        UNION ALL
        (SELECT max(s.version) FROM (
           SELECT o.version, row_number() OVER w AS n, sum(greatest(ST_NumGeometries(o.envelope), 1)) OVER w AS boxes
           FROM (SELECT k.version, k.envelope FROM gridlight.layer_change k
                 WHERE k.layer = c.layer AND k.version IS NOT NULL ORDER BY k.version DESC LIMIT 4097) o
           WINDOW w AS (ORDER BY o.version DESC ROWS UNBOUNDED PRECEDING)) s
         WHERE (s.n > 4096 OR s.boxes > 16384) AND s.version < raised)) f;
      UPDATE gridlight.layer_state s SET change_floor = gone WHERE s.layer = c.layer AND s.change_floor < gone;
      DELETE FROM gridlight.layer_change WHERE change_id IN (
        SELECT o.change_id FROM gridlight.layer_change o
        WHERE o.layer = c.layer AND o.version <= (SELECT s.change_floor FROM gridlight.layer_state s WHERE s.layer = c.layer)
        ORDER BY o.version LIMIT 8192);
    END IF;
  END LOOP;
  RETURN NULL;
END
$$;

-- As before; a statement that names a partition fires the triggers of that alone: they tell of the layer of the table
-- that it is a part of.
CREATE OR REPLACE FUNCTION gridlight.note_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  here     text := format('%I.%I', TG_TABLE_SCHEMA, TG_TABLE_NAME);
  names    text[];
  w        record;
  box      text;
  source   text;
  n        bigint;
  envelope geometry;
  judged   text;
  ids      text[];
BEGIN
  SELECT coalesce(array_agg(format('%I.%I', n.nspname, c.relname)), ARRAY[here]) INTO names
  FROM pg_partition_ancestors(TG_RELID) a JOIN pg_class c ON c.oid = a.relid JOIN pg_namespace n ON n.oid = c.relnamespace;
  FOR w IN SELECT layer, relation, coalesce(geometry, 'NULL') AS geometry FROM gridlight.watched
           WHERE relation = ANY (names) LOOP
    IF TG_OP = 'TRUNCATE' THEN
      UPDATE gridlight.layer_change SET added = NULL WHERE layer = w.layer AND version IS NULL;
      IF w.relation = here THEN
        UPDATE gridlight.layer_state SET row_count = 0, bounds = NULL WHERE layer = w.layer;
      ELSE  -- a part of it: how much was in it nobody knows
        UPDATE gridlight.layer_state SET row_count = NULL WHERE layer = w.layer AND row_count > 0;
      END IF;
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

  IF 'public.circuit_status_realtime' = ANY (names) THEN
    judged := 'SELECT circuit_id::text AS id, gridlight.judge(avg_load_percent, avg_health_score) AS c, %s AS d FROM %s';
  ELSIF 'public.outage_restoration_tracker' = ANY (names) THEN
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

-- The table and its partitions, of which one or the other lacks triggers. Those of other servers have none.
CREATE FUNCTION gridlight.unwatched(relation regclass) RETURNS SETOF regclass LANGUAGE sql STABLE AS $$
  SELECT c.oid::regclass
  FROM (SELECT $1 AS oid UNION SELECT p.relid FROM pg_partition_tree($1) p) r JOIN pg_class c ON c.oid = r.oid
  WHERE c.relkind IN ('r', 'p') AND (
    SELECT count(*) FROM pg_trigger t
    WHERE t.tgrelid = c.oid AND t.tgfoid = 'gridlight.note_change'::regproc AND t.tgenabled IN ('O', 'A')) < 4
  ORDER BY c.oid
$$;

-- As before, with the table's partitions. What was written while one of them told nothing may be anywhere.
CREATE OR REPLACE FUNCTION gridlight.watch(layer text, relation regclass, geometry_sql text, circuit_columns text[] DEFAULT '{}')
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  qualified text;
  kind      "char";
  event     text[];
  part      regclass;
  silent    boolean;
BEGIN
  SELECT format('%I.%I', n.nspname, c.relname), c.relkind INTO qualified, kind
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $2;
  IF kind IS NULL OR kind NOT IN ('r', 'p') THEN
    RAISE EXCEPTION '% is not a table: watch the one that its rows come from', $2 USING ERRCODE = 'wrong_object_type';
  END IF;
  -- A mistake shows now, not at somebody's next write.
  EXECUTE format('SELECT (%s)::geometry::box3d%s FROM %s LIMIT 0', coalesce($3, 'NULL'),
                 (SELECT string_agg(format(', %I = ANY (NULL::text[])', name), '') FROM unnest($4) AS name), qualified);
  silent := EXISTS (SELECT FROM gridlight.unwatched($2))
            OR NOT EXISTS (SELECT FROM gridlight.watched w WHERE w.layer = $1 AND w.relation = qualified);
  INSERT INTO gridlight.watched VALUES ($1, qualified, $3, $4)
  ON CONFLICT ON CONSTRAINT watched_pkey DO UPDATE SET
    relation = excluded.relation, geometry = excluded.geometry, circuit_columns = excluded.circuit_columns;
  FOREACH event SLICE 1 IN ARRAY ARRAY[
    ['insert', 'REFERENCING NEW TABLE AS new_rows'],
    ['update', 'REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows'],
    ['delete', 'REFERENCING OLD TABLE AS old_rows'],
    ['truncate', '']]
  LOOP
    FOR part IN SELECT $2 UNION SELECT u FROM gridlight.unwatched($2) u ORDER BY 1 LOOP
      EXECUTE format('CREATE OR REPLACE TRIGGER gridlight_%1$s AFTER %1$s ON %2$s %3$s
                      FOR EACH STATEMENT EXECUTE FUNCTION gridlight.note_change()', event[1], part, event[2]);
    END LOOP;
  END LOOP;
  -- Whoever writes this table anew in the same transaction has said so himself.
  IF silent AND EXISTS (SELECT FROM gridlight.layer_state s WHERE s.layer = $1)
     AND NOT EXISTS (SELECT FROM gridlight.layer_change c WHERE c.layer = $1 AND c.version IS NULL) THEN
    PERFORM gridlight.changed($1, NULL);
  END IF;
END
$$;

-- As before; circuits and their areas are coloured by their circuit, too.
CREATE OR REPLACE FUNCTION gridlight.watch_built_in() RETURNS void LANGUAGE plpgsql AS $$
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
      ('circuits', 'circuit_status_realtime', 'geom', '{circuit_id}'),
      ('service_areas', 'circuit_service_areas', 'geom', '{circuit_id}'),
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

-- One path for all, whoever calls, as those that were replaced had it.
DO $$
DECLARE
  f       regprocedure;
  postgis name := (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
                   WHERE e.extname = 'postgis');
BEGIN
  FOREACH f IN ARRAY ARRAY['gridlight.note_change()', 'gridlight.settle()', 'gridlight.watch_built_in()',
                           'gridlight.watch(text,regclass,text,text[])']::regprocedure[] LOOP
    EXECUTE format('ALTER FUNCTION %s SET search_path = pg_catalog, %I, pg_temp', f, postgis);
  END LOOP;
  FOREACH f IN ARRAY ARRAY['gridlight.note_change()', 'gridlight.settle()']::regprocedure[] LOOP
    EXECUTE format('ALTER FUNCTION %s SET jit = off', f);
    EXECUTE format('ALTER FUNCTION %s SET work_mem = %L', f, '64MB');
  END LOOP;
  ALTER FUNCTION gridlight.note_change() SET enable_sort = off;
END
$$;

UPDATE gridlight.watched w SET circuit_columns = '{circuit_id}'
FROM (VALUES ('circuits', 'public.circuit_status_realtime'), ('service_areas', 'public.circuit_service_areas')) AS v (layer, relation)
WHERE w.layer = v.layer AND w.relation = v.relation AND w.circuit_columns = '{}'
  AND EXISTS (SELECT FROM pg_attribute a
              WHERE a.attrelid = to_regclass(v.relation) AND a.attname = 'circuit_id' AND NOT a.attisdropped);

-- What was drawn of them may show a state of long ago.
SELECT gridlight.changed('circuit_condition', NULL) WHERE EXISTS (SELECT FROM gridlight.circuit_condition);

DO $$
DECLARE
  w record;
BEGIN
  FOR w IN SELECT o.layer, o.relation, o.geometry, o.circuit_columns FROM gridlight.watched o JOIN pg_class c
           ON c.oid = to_regclass(o.relation) WHERE c.relkind = 'p' ORDER BY o.layer LOOP
    BEGIN
      PERFORM gridlight.watch(w.layer, w.relation::regclass, w.geometry, w.circuit_columns);
    EXCEPTION WHEN syntax_error_or_access_rule_violation THEN
      RAISE WARNING 'gridlight: the partitions of % are not watched: %', w.relation, SQLERRM;
    END;
  END LOOP;
END
$$;
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
