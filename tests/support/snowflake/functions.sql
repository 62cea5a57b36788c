-- Snowflake's functions that Postgres has not, or has under another name.
CREATE FUNCTION snowflake.parse_json(t text) RETURNS jsonb IMMUTABLE LANGUAGE sql AS 'SELECT t::jsonb';
CREATE FUNCTION snowflake.try_parse_json(t text) RETURNS jsonb IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
  RETURN t::jsonb;
EXCEPTION WHEN invalid_text_representation THEN RETURN NULL;
END $$;
CREATE FUNCTION snowflake.flatten(input jsonb)
RETURNS TABLE (seq bigint, key text, path text, index bigint, value jsonb, this jsonb) IMMUTABLE LANGUAGE sql AS $$
  SELECT 1::bigint, NULL::text, '[' || n - 1 || ']', n - 1, v, input
  FROM jsonb_array_elements(CASE jsonb_typeof(input) WHEN 'array' THEN input ELSE '[]' END) WITH ORDINALITY e(v, n)
  UNION ALL SELECT 1, k, k, NULL, v, input
  FROM jsonb_each(CASE jsonb_typeof(input) WHEN 'object' THEN input ELSE '{}' END) o(k, v) $$;

CREATE FUNCTION snowflake.iff(c boolean, a anycompatible, b anycompatible) RETURNS anycompatible IMMUTABLE LANGUAGE sql
  AS 'SELECT CASE WHEN c THEN a ELSE b END';
CREATE FUNCTION snowflake.nvl(a anycompatible, b anycompatible) RETURNS anycompatible IMMUTABLE LANGUAGE sql
  AS 'SELECT coalesce(a, b)';
CREATE FUNCTION snowflake.ifnull(a anycompatible, b anycompatible) RETURNS anycompatible IMMUTABLE LANGUAGE sql
  AS 'SELECT coalesce(a, b)';
CREATE FUNCTION snowflake.zeroifnull(a numeric) RETURNS numeric IMMUTABLE LANGUAGE sql AS 'SELECT coalesce(a, 0)';
CREATE FUNCTION snowflake.to_number(a text) RETURNS numeric IMMUTABLE LANGUAGE sql AS 'SELECT a::numeric';
CREATE FUNCTION snowflake.to_double(a text) RETURNS float8 IMMUTABLE LANGUAGE sql AS 'SELECT a::float8';
CREATE FUNCTION snowflake.to_boolean(a text) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT a::boolean';
CREATE FUNCTION snowflake.to_varchar(a anyelement) RETURNS text STABLE LANGUAGE sql AS 'SELECT a::text';
CREATE FUNCTION snowflake.to_varchar(a anyelement, format text) RETURNS text STABLE LANGUAGE sql
  AS 'SELECT to_char(a::timestamptz, replace(replace(format, ''FF9'', ''US000''), ''FF3'', ''MS''))';
CREATE FUNCTION snowflake.to_char(a text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT a';
CREATE FUNCTION snowflake.to_date(a text) RETURNS date STABLE LANGUAGE sql AS 'SELECT a::date';
CREATE FUNCTION snowflake.to_timestamp_ntz(a text) RETURNS timestamp STABLE LANGUAGE sql AS 'SELECT a::timestamp';
CREATE FUNCTION snowflake.to_timestamp_ntz(a timestamptz) RETURNS timestamp STABLE LANGUAGE sql AS 'SELECT a::timestamp';
CREATE FUNCTION snowflake.to_timestamp_ltz(a text) RETURNS timestamptz STABLE LANGUAGE sql AS 'SELECT a::timestamptz';
CREATE FUNCTION snowflake.to_timestamp_ltz(a timestamptz) RETURNS timestamptz STABLE LANGUAGE sql AS 'SELECT a';
CREATE FUNCTION snowflake.to_timestamp_tz(a text) RETURNS timestamptz STABLE LANGUAGE sql AS 'SELECT a::timestamptz';
CREATE FUNCTION snowflake.to_timestamp_ntz(a numeric, scale int DEFAULT 0) RETURNS timestamp STABLE LANGUAGE sql
  AS $$ SELECT timestamp '1970-01-01' + floor(a * 10.0 ^ (6 - scale)) * interval '1 microsecond' $$;
CREATE FUNCTION snowflake.to_timestamp_ltz(a numeric, scale int DEFAULT 0) RETURNS timestamptz STABLE LANGUAGE sql
  AS $$ SELECT timestamptz '1970-01-01 00:00+00' + floor(a * 10.0 ^ (6 - scale)) * interval '1 microsecond' $$;
CREATE FUNCTION snowflake.to_timestamp(a text) RETURNS timestamp STABLE LANGUAGE sql AS 'SELECT a::timestamp';
CREATE FUNCTION snowflake.convert_timezone(source text, target text, t timestamp) RETURNS timestamp STABLE LANGUAGE sql
  AS 'SELECT t AT TIME ZONE source AT TIME ZONE target';
CREATE FUNCTION snowflake.dateadd(part text, n numeric, t timestamptz) RETURNS timestamptz STABLE LANGUAGE sql
  AS 'SELECT t + (n || '' '' || part)::interval';
CREATE FUNCTION snowflake.dateadd(part text, n numeric, t timestamp) RETURNS timestamp STABLE LANGUAGE sql
  AS 'SELECT t + (n || '' '' || part)::interval';
CREATE FUNCTION snowflake.datediff(part text, a timestamptz, b timestamptz) RETURNS bigint STABLE LANGUAGE sql AS $$
  SELECT trunc(extract(epoch FROM date_trunc(part, b) - date_trunc(part, a)) / extract(epoch FROM ('1 ' || part)::interval))::bigint $$;
-- DATE_PART(EPOCH_NANOSECOND, t) and its like.
CREATE FUNCTION snowflake.epoch_part(part text, t timestamptz) RETURNS numeric STABLE LANGUAGE sql AS $$
  SELECT floor(extract(epoch FROM t) * CASE WHEN part ILIKE 'epoch_nano%' THEN 1000000000
    WHEN part ILIKE 'epoch_micro%' THEN 1000000 WHEN part ILIKE 'epoch_milli%' THEN 1000 ELSE 1 END) $$;

CREATE FUNCTION snowflake.md5_number_lower64(t text) RETURNS numeric IMMUTABLE LANGUAGE sql AS $$
  SELECT CASE WHEN n < 0 THEN n + 18446744073709551616::numeric ELSE n END
  FROM (SELECT ('x' || substr(md5(t), 17, 16))::bit(64)::bigint::numeric) v(n) $$;
CREATE FUNCTION snowflake.md5_number_upper64(t text) RETURNS numeric IMMUTABLE LANGUAGE sql AS $$
  SELECT CASE WHEN n < 0 THEN n + 18446744073709551616::numeric ELSE n END
  FROM (SELECT ('x' || substr(md5(t), 1, 16))::bit(64)::bigint::numeric) v(n) $$;
CREATE FUNCTION snowflake.sha2(t text) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT encode(sha256(t::bytea), 'hex') $$;

CREATE FUNCTION snowflake.to_geography(t text) RETURNS geography IMMUTABLE LANGUAGE sql AS $$
  SELECT CASE WHEN t LIKE '{%' THEN ST_GeomFromGeoJSON(t)::geography ELSE t::geography END $$;
CREATE FUNCTION snowflake.to_geometry(t text) RETURNS geometry IMMUTABLE LANGUAGE sql AS $$
  SELECT CASE WHEN t LIKE '{%' THEN ST_GeomFromGeoJSON(t) ELSE t::geometry END $$;
CREATE FUNCTION snowflake.st_asewkb(g geography) RETURNS bytea IMMUTABLE LANGUAGE sql AS 'SELECT ST_AsEWKB(g::geometry)';

CREATE FUNCTION snowflake.system$stream_has_data(stream_name text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  s snowflake.stream;
  found boolean;
BEGIN
  SELECT * INTO STRICT s FROM snowflake.stream
    WHERE name = snowflake.swap_case(regexp_replace(upper(stream_name), '^.*\.', '')) AND schema = current_schema();
  EXECUTE format('SELECT EXISTS (SELECT FROM snowflake_history.t%s WHERE "metadata$at" > %L)', s.relation, s.position) INTO found;
  RETURN found;
END $$;
