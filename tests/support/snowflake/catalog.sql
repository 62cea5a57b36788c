-- What an emulated account keeps in Postgres. Snowflake folds names to upper case, Postgres to lower: swapping the
-- case maps one onto the other. "DB"."SCHEMA" is the Postgres schema "db.schema".
CREATE SCHEMA snowflake;
CREATE SCHEMA snowflake_history;

CREATE FUNCTION snowflake.swap_case(t text) RETURNS text IMMUTABLE LANGUAGE sql AS $$
  SELECT translate(t, 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz',
                   'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ') $$;

-- What Postgres cannot hold (nanoseconds, offsets, NaN in variants) is kept as the text that goes over the wire.
DO $$
DECLARE kind text;
BEGIN
  FOREACH kind IN ARRAY '{fixed,real,decfloat,text,boolean,date,time,timestamp_ntz,timestamp_ltz,timestamp_tz,binary,
                          variant,object,array,map,vector,geography,geometry}'::text[] LOOP
    EXECUTE format('CREATE DOMAIN snowflake.raw_%s AS text', kind);
  END LOOP;
END $$;

CREATE FUNCTION snowflake.kind_of(type oid) RETURNS text STABLE LANGUAGE sql AS $$
  SELECT CASE WHEN typnamespace = 'snowflake'::regnamespace AND typname LIKE 'raw\_%' THEN substr(typname, 5)
    WHEN typname IN ('int2', 'int4', 'int8', 'numeric') THEN 'fixed'
    WHEN typname IN ('float4', 'float8') THEN 'real'
    WHEN typname = 'bool' THEN 'boolean'
    WHEN typname IN ('date', 'time', 'geography', 'geometry') THEN typname
    WHEN typname = 'timestamp' THEN 'timestamp_ntz'
    WHEN typname = 'timestamptz' THEN 'timestamp_ltz'
    WHEN typname = 'bytea' THEN 'binary'
    WHEN typname IN ('json', 'jsonb') THEN 'variant'
    ELSE 'text' END
  FROM pg_type WHERE oid = type $$;

-- Of result columns, as libpq tells of them: table and attribute are 0 for expressions. A scale of -1 is to be found
-- in the values.
CREATE FUNCTION snowflake.describe(types oid[], modifiers int[], tables oid[], attributes int[])
RETURNS TABLE (kind text, raw boolean, "precision" int, scale int, length int, nullable boolean,
               in_database text, in_schema text, in_table text)
STABLE LANGUAGE sql AS $$
  SELECT k.kind, d.typnamespace = 'snowflake'::regnamespace,
    CASE k.kind WHEN 'fixed' THEN CASE WHEN d.typname = 'numeric' AND modifier >= 4 THEN (modifier - 4) >> 16 ELSE 38 END
                WHEN 'time' THEN 0 WHEN 'timestamp_ntz' THEN 0 WHEN 'timestamp_ltz' THEN 0 WHEN 'timestamp_tz' THEN 0 END,
    CASE WHEN d.typname = 'numeric' THEN CASE WHEN modifier >= 4 THEN (modifier - 4) & 2047 ELSE -1 END
         WHEN k.kind = 'fixed' THEN 0 WHEN k.kind = 'time' OR k.kind LIKE 'timestamp%' THEN 9 END,
    CASE WHEN k.kind = 'text' THEN CASE WHEN d.typname = 'varchar' AND modifier > 4 THEN modifier - 4 ELSE 16777216 END
         WHEN k.kind = 'binary' THEN 8388608 END,
    NOT coalesce(a.attnotnull, false),
    snowflake.swap_case(split_part(n.nspname, '.', 1)), snowflake.swap_case(split_part(n.nspname, '.', 2)),
    CASE WHEN n.oid IS NOT NULL THEN snowflake.swap_case(c.relname) END
  FROM unnest(types, modifiers, tables, attributes) WITH ORDINALITY u(type, given, "table", attribute, place)
  LEFT JOIN pg_attribute a ON a.attrelid = u."table" AND a.attnum = u.attribute
  LEFT JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname LIKE '%.%'
  JOIN pg_type d ON d.oid = coalesce(a.atttypid, u.type)
  CROSS JOIN LATERAL (SELECT snowflake.kind_of(d.oid), coalesce(nullif(a.atttypmod, -1), given)) k(kind, modifier)
  ORDER BY u.place $$;

CREATE TABLE snowflake.tracked (
  relation oid PRIMARY KEY,
  history oid,
  row_key text[] NOT NULL,
  born timestamptz NOT NULL,    -- history is kept from then on
  since timestamptz NOT NULL,   -- CHANGES may be asked for from then on
  enabled boolean NOT NULL);
CREATE TABLE snowflake.stream (schema text, name text, relation oid NOT NULL, append_only boolean NOT NULL,
                               position timestamptz NOT NULL, PRIMARY KEY (schema, name));

CREATE FUNCTION snowflake.columns_of(relation oid) RETURNS SETOF text STABLE LANGUAGE sql AS $$
  SELECT quote_ident(attname) FROM pg_attribute
  WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped AND attname NOT LIKE 'metadata$%' ORDER BY attnum $$;

CREATE FUNCTION snowflake.count_rows(what text, n bigint) RETURNS void LANGUAGE sql AS $$
  SELECT set_config('snowflake.' || what,
    (coalesce(nullif(current_setting('snowflake.' || what, true), ''), '0')::bigint + n)::text, false) $$;

-- The statement that keeps the rows of `source`; only the trigger's own function sees its transition tables.
CREATE FUNCTION snowflake.keeping(t snowflake.tracked, source text, action text, update boolean, moment timestamptz)
RETURNS text STABLE LANGUAGE sql AS $$
  SELECT format('INSERT INTO %s (%s, "metadata$action", "metadata$isupdate", "metadata$row_id", "metadata$at")
            SELECT %s, %L, %L, md5(%s), %L FROM %s r', t.history::regclass, shared, shared, action, update,
           CASE WHEN t.row_key = '{}' THEN 'r::text' ELSE 'ROW(' || array_to_string(t.row_key, ', ') || ')::text' END,
           moment, source)
  FROM (SELECT string_agg(c, ', ') FROM snowflake.columns_of(t.relation) c
        WHERE c IN (SELECT snowflake.columns_of(t.history))) v(shared) $$;

-- One moment a statement, taken while it holds the table's lock: see the reader's side in changes.cpp.
CREATE FUNCTION snowflake.keep_changes() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  t snowflake.tracked := (SELECT r FROM snowflake.tracked r WHERE relation = TG_RELID);
  moment timestamptz := clock_timestamp();
  n bigint;
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    EXECUTE snowflake.keeping(t, TG_RELID::regclass::text, 'DELETE', false, moment);
    RETURN NULL;
  END IF;
  IF TG_OP <> 'INSERT' THEN
    EXECUTE snowflake.keeping(t, 'old_rows', 'DELETE', TG_OP = 'UPDATE', moment);
    n := (SELECT count(*) FROM old_rows);
  END IF;
  IF TG_OP <> 'DELETE' THEN
    EXECUTE snowflake.keeping(t, 'new_rows', 'INSERT', TG_OP = 'UPDATE', moment);
    n := (SELECT count(*) FROM new_rows);
  END IF;
  PERFORM snowflake.count_rows(lower(TG_OP), n);
  RETURN NULL;
END $$;

-- Begins a table's history, or makes it know columns that were added. Snowflake does not enforce primary keys.
CREATE FUNCTION snowflake.track(target regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  keys text[] := '{}';
  constraint_name text;
  past text := 'snowflake_history.t' || target::oid;
  part record;
BEGIN
  IF EXISTS (SELECT FROM snowflake.tracked WHERE relation = target) THEN
    FOR part IN SELECT quote_ident(attname) AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute
      WHERE attrelid = target AND attnum > 0 AND NOT attisdropped
      AND quote_ident(attname) NOT IN (SELECT snowflake.columns_of(past::regclass)) LOOP
      EXECUTE format('ALTER TABLE %s ADD %s %s', past, part.name, part.type);
    END LOOP;
    FOR part IN SELECT quote_ident(n.attname) AS name, format_type(n.atttypid, n.atttypmod) AS type
      FROM pg_attribute n JOIN pg_attribute o ON o.attname = n.attname AND o.attrelid = past::regclass
      WHERE n.attrelid = target AND n.attnum > 0 AND (n.atttypid, n.atttypmod) <> (o.atttypid, o.atttypmod) LOOP
      EXECUTE format('ALTER TABLE %1$s ALTER %2$s TYPE %3$s USING %2$s::text::%3$s', past, part.name, part.type);
    END LOOP;
    RETURN;
  END IF;
  SELECT conname, ARRAY(SELECT quote_ident(attname) FROM unnest(conkey) k JOIN pg_attribute ON attrelid = target AND attnum = k)
    INTO constraint_name, keys FROM pg_constraint WHERE conrelid = target AND contype = 'p';
  keys := coalesce(keys, '{}');
  IF constraint_name IS NOT NULL THEN
    EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', target, constraint_name);
    EXECUTE format('CREATE INDEX ON %s (%s)', target, array_to_string(keys, ', '));
  END IF;
  EXECUTE format('CREATE TABLE %s (LIKE %s, "metadata$action" text, "metadata$isupdate" boolean, "metadata$row_id" text,
                  "metadata$at" timestamptz, "metadata$seq" bigserial)', past, target);
  EXECUTE format('CREATE INDEX ON %s ("metadata$at")', past);
  INSERT INTO snowflake.tracked VALUES (target, past::regclass, keys, clock_timestamp(), clock_timestamp(),
    coalesce(nullif(current_setting('snowflake.tracks', true), ''), 'on')::boolean);
  EXECUTE format('CREATE TRIGGER inserts AFTER INSERT ON %s REFERENCING NEW TABLE AS new_rows EXECUTE FUNCTION snowflake.keep_changes()', target);
  EXECUTE format('CREATE TRIGGER updates AFTER UPDATE ON %s REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows EXECUTE FUNCTION snowflake.keep_changes()', target);
  EXECUTE format('CREATE TRIGGER deletes AFTER DELETE ON %s REFERENCING OLD TABLE AS old_rows EXECUTE FUNCTION snowflake.keep_changes()', target);
  EXECUTE format('CREATE TRIGGER truncates BEFORE TRUNCATE ON %s EXECUTE FUNCTION snowflake.keep_changes()', target);
END $$;

-- Tracks what a statement has made or altered; forgets what it has dropped.
CREATE FUNCTION snowflake.track_all() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  gone snowflake.tracked;
BEGIN
  FOR gone IN DELETE FROM snowflake.tracked WHERE relation NOT IN (SELECT oid FROM pg_class) RETURNING * LOOP
    EXECUTE 'DROP TABLE ' || gone.history::regclass;
  END LOOP;
  PERFORM snowflake.track(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
    WHERE relkind = 'r' AND nspname LIKE '%.%';
END $$;

CREATE FUNCTION snowflake.row_count(relation oid) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint;
BEGIN
  EXECUTE 'SELECT count(*) FROM ' || relation::regclass INTO n;
  RETURN n;
END $$;
CREATE FUNCTION snowflake.last_altered(relation oid) RETURNS timestamptz LANGUAGE plpgsql AS $$
DECLARE t timestamptz;
BEGIN
  EXECUTE 'SELECT max("metadata$at") FROM snowflake_history.t' || relation INTO t;
  RETURN coalesce(t, (SELECT born FROM snowflake.tracked r WHERE r.relation = last_altered.relation));
END $$;

CREATE FUNCTION snowflake.create_schema(database text, name text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  base text := snowflake.swap_case(database);
  views text := base || '.information_schema';
BEGIN
  EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I', base || '.' || snowflake.swap_case(name));
  IF to_regnamespace(quote_ident(views)) IS NOT NULL THEN RETURN; END IF;
  EXECUTE format('CREATE SCHEMA %I', views);
  EXECUTE format($v$
    CREATE VIEW %I.tables AS SELECT %L::text AS table_catalog, snowflake.swap_case(split_part(nspname, '.', 2)) AS table_schema,
      snowflake.swap_case(relname) AS table_name, CASE relkind WHEN 'v' THEN 'VIEW' ELSE 'BASE TABLE' END AS table_type,
      CASE WHEN relkind = 'r' THEN snowflake.row_count(c.oid) END AS row_count,
      CASE WHEN relkind = 'r' THEN pg_table_size(c.oid) END AS bytes, born AS created,
      CASE WHEN relkind = 'r' THEN snowflake.last_altered(c.oid) END AS last_altered, obj_description(c.oid) AS comment
    FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace LEFT JOIN snowflake.tracked ON relation = c.oid
    WHERE relkind IN ('r', 'v') AND split_part(nspname, '.', 1) = %L AND nspname LIKE '%%.%%'$v$, views, database, base);
  EXECUTE format($v$
    CREATE VIEW %I.columns AS SELECT %L::text AS table_catalog, snowflake.swap_case(split_part(nspname, '.', 2)) AS table_schema,
      snowflake.swap_case(relname) AS table_name, snowflake.swap_case(attname) AS column_name,
      row_number() OVER (PARTITION BY c.oid ORDER BY attnum) AS ordinal_position,
      pg_get_expr(adbin, adrelid) AS column_default, CASE WHEN attnotnull THEN 'NO' ELSE 'YES' END AS is_nullable,
      CASE d.kind WHEN 'fixed' THEN 'NUMBER' WHEN 'real' THEN 'FLOAT' ELSE upper(d.kind) END AS data_type,
      d.length AS character_maximum_length, d.length AS character_octet_length,
      CASE d.kind WHEN 'fixed' THEN d.precision END AS numeric_precision,
      CASE d.kind WHEN 'fixed' THEN greatest(d.scale, 0) END AS numeric_scale,
      CASE WHEN d.kind IN ('time', 'timestamp_ntz', 'timestamp_ltz', 'timestamp_tz') THEN d.scale END AS datetime_precision,
      col_description(c.oid, attnum) AS comment
    FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace JOIN pg_attribute a ON attrelid = c.oid
    LEFT JOIN pg_attrdef ON adrelid = c.oid AND adnum = attnum
    CROSS JOIN LATERAL snowflake.describe(ARRAY[atttypid], ARRAY[atttypmod], ARRAY[c.oid], ARRAY[attnum::int]) d
    WHERE relkind IN ('r', 'v') AND attnum > 0 AND NOT attisdropped AND split_part(nspname, '.', 1) = %L
      AND nspname LIKE '%%.%%'$v$, views, database, base);
END $$;
