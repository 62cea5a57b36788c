-- Who changed a layer, and sessions of gridlight's that nobody uses any more.

-- run_id: the run whose transaction it was, as that says by the setting gridlight.run; NULL: none. writer_*: whose
-- session, as Postgres knows it. Of changes from before this file nobody knows either.
ALTER TABLE gridlight.layer_change
  ADD COLUMN run_id bigint,
  ADD COLUMN writer_role text,
  ADD COLUMN writer_application text;
-- Apart from the above, so that rows which are there stay as they are. Other values of the setting than a number are
-- none: nobody is kept from writing for that.
ALTER TABLE gridlight.layer_change
  ALTER COLUMN run_id SET DEFAULT CASE WHEN current_setting('gridlight.run', true) ~ '^[0-9]{1,18}$'
                                       THEN current_setting('gridlight.run', true)::bigint END,
  ALTER COLUMN writer_role SET DEFAULT session_user,
  ALTER COLUMN writer_application SET DEFAULT current_setting('application_name');

-- Layers whose foreign changes the sync tells of. Those of versions up to `seen` have been told.
CREATE TABLE gridlight.sync_foreign (
  layer        text COLLATE "C" PRIMARY KEY,
  seen         bigint NOT NULL,
  changes      bigint NOT NULL DEFAULT 0,  -- versions since that no run made
  last_version bigint,                     -- the last of them
  last_at      timestamptz,
  last_writers text
) WITH (fillfactor = 50);

-- Whoever may read the layers' states may read this.
DO $$
DECLARE
  reader oid;
BEGIN
  FOR reader IN
    SELECT DISTINCT a.grantee FROM pg_class c, aclexplode(c.relacl) a
    WHERE c.oid = 'gridlight.layer_state'::regclass AND a.privilege_type = 'SELECT' AND a.grantee <> c.relowner
  LOOP
    EXECUTE format('GRANT SELECT ON gridlight.sync_foreign TO %s',
                   CASE reader WHEN 0 THEN 'PUBLIC' ELSE reader::regrole::text END);
  END LOOP;
END
$$;

-- Called by a run in the transaction that changes layers. What that has changed so far, and what it will, is the run's.
CREATE FUNCTION gridlight.sync_own(run bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('gridlight.run', run::text, true);
  -- Rows without a version that can be seen are those of this transaction.
  UPDATE gridlight.layer_change SET run_id = run WHERE version IS NULL;
END
$$;
ALTER FUNCTION gridlight.sync_own(bigint) SET search_path = pg_catalog, pg_temp;

-- Sessions of gridlight's, of this role and in this database, that are idle in a transaction or busy with one statement
-- for too long. Busy is judged only of those that have a statement_timeout; active_for NULL: of none.
CREATE FUNCTION gridlight.sync_zombies(idle_for interval, active_for interval)
RETURNS TABLE (pid integer, application text, state text, held_s double precision, began timestamptz)
LANGUAGE sql VOLATILE AS $$
  SELECT a.pid, a.application_name, a.state,
         extract(epoch FROM clock_timestamp() - CASE a.state WHEN 'active' THEN a.query_start ELSE a.state_change END)
           ::double precision,
         a.backend_start
  FROM pg_stat_activity a
  WHERE a.datname = current_database() AND a.usename = session_user AND a.pid <> pg_backend_pid()
    AND a.backend_type = 'client backend'
    AND (a.application_name = 'gridlight' OR a.application_name ~ '^gridlight[ -]')
    AND CASE WHEN a.state LIKE 'idle in transaction%' THEN a.state_change < clock_timestamp() - idle_for
             WHEN a.state = 'active' AND a.application_name IN ('gridlight', 'gridlight-listen')
               THEN a.query_start < clock_timestamp() - active_for
             ELSE false END
  ORDER BY a.pid
$$;
ALTER FUNCTION gridlight.sync_zombies(interval, interval) SET search_path = pg_catalog, pg_temp;
