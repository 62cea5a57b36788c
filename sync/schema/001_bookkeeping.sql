-- What gridlight knows about the layers and about its own runs. Layer tables themselves stand in `public`.
--
-- Migrations are immutable once released: a change is a new file. Each runs in one transaction.

CREATE EXTENSION IF NOT EXISTS postgis;

-- CREATE SCHEMA IF NOT EXISTS asks for the right to create one even when it is there.
DO $$
BEGIN
  IF to_regnamespace('gridlight') IS NULL THEN
    CREATE SCHEMA gridlight;
  END IF;
END
$$;

CREATE TABLE gridlight.schema_migration (
  version    integer PRIMARY KEY,
  applied_at timestamptz NOT NULL DEFAULT now(),
  checksum   text NOT NULL  -- SHA-256 of the file, hex
);

-- One row a layer. The version is raised in the same transaction as the layer's rows.
CREATE TABLE gridlight.layer_state (
  layer            text COLLATE "C" PRIMARY KEY,
  version          bigint NOT NULL DEFAULT 1,
  changed_at       timestamptz NOT NULL,
  row_count        bigint,                    -- NULL: not counted yet
  bounds           geometry(Geometry, 4326),  -- NULL: no rows, or not known
  source_synced_at timestamptz                -- NULL: has no source
) WITH (fillfactor = 50);  -- read four times a second, updated in place

-- What each raise of a version touched; servers read the rows after the version they know.
CREATE TABLE gridlight.layer_change (
  change_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  layer     text COLLATE "C" NOT NULL,
  version   bigint NOT NULL,
  envelope  geometry(Geometry, 4326),  -- one box or several (multipolygon); NULL: everything
  at        timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX layer_change_layer_version ON gridlight.layer_change (layer, version);
CREATE INDEX layer_change_at ON gridlight.layer_change (at);

CREATE TABLE gridlight.sync_run (
  run_id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  layer         text COLLATE "C" NOT NULL,
  mode          text NOT NULL,   -- load, full, watermark, changes
  direction     text NOT NULL DEFAULT 'pull' CHECK (direction IN ('pull', 'push')),
  started_at    timestamptz NOT NULL DEFAULT now(),
  finished_at   timestamptz,
  rows_read     bigint NOT NULL DEFAULT 0,
  rows_written  bigint NOT NULL DEFAULT 0,
  rows_deleted  bigint NOT NULL DEFAULT 0,
  rows_rejected bigint NOT NULL DEFAULT 0,
  bytes         bigint NOT NULL DEFAULT 0,
  status        text NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'success', 'failed', 'skipped')),
  error         text,
  fencing_token bigint
);
CREATE INDEX sync_run_started ON gridlight.sync_run (started_at DESC);
CREATE INDEX sync_run_layer_started ON gridlight.sync_run (layer, started_at DESC);

CREATE TABLE gridlight.sync_watermark (
  source_table   text COLLATE "C" PRIMARY KEY,
  last_watermark bigint,  -- nanoseconds since 1970-01-01T00:00:00Z
  last_run       timestamptz,
  last_status    text CHECK (last_status IN ('ok', 'idle', 'error')),
  last_error     text,
  rows_processed bigint NOT NULL DEFAULT 0
);

-- Rows that could not be stored, with the reason. The payload may hold personal data.
CREATE TABLE gridlight.sync_error (
  error_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run_id   bigint NOT NULL REFERENCES gridlight.sync_run ON DELETE CASCADE,
  layer    text COLLATE "C" NOT NULL,
  key      text,
  reason   text NOT NULL,
  payload  jsonb,
  at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sync_error_run ON gridlight.sync_error (run_id);

-- At most one row: that `gridlight demo-data` wrote the layers, and the versions that it left them at.
-- demo-data replaces only what this row says is its own.
CREATE TABLE gridlight.demo_data (
  one       boolean PRIMARY KEY DEFAULT true CHECK (one),
  scale     double precision NOT NULL,
  seed      bigint NOT NULL,
  generator integer NOT NULL,  -- raised when the same seed gives other rows
  versions  jsonb NOT NULL,    -- layer -> version
  made_at   timestamptz NOT NULL
);

CREATE VIEW gridlight.sync_status AS
SELECT run_id, layer, mode, direction, status, started_at, finished_at,
       extract(epoch FROM finished_at - started_at)::double precision AS duration_s,
       rows_read, rows_written, rows_deleted, rows_rejected, bytes, error
FROM gridlight.sync_run
ORDER BY started_at DESC, run_id DESC
LIMIT 100;

CREATE VIEW gridlight.sync_summary AS
SELECT layer,
       count(*) AS runs,
       count(*) FILTER (WHERE status = 'success') AS successes,
       count(*) FILTER (WHERE status = 'failed') AS failures,
       max(started_at) AS last_run,
       avg(extract(epoch FROM finished_at - started_at))::double precision AS mean_duration_s,
       sum(rows_written)::bigint AS rows_written,
       sum(rows_deleted)::bigint AS rows_deleted,
       sum(rows_rejected)::bigint AS rows_rejected
FROM gridlight.sync_run
WHERE started_at >= now() - interval '7 days'
GROUP BY layer;
