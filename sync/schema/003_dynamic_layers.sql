-- Layers that the sync module keeps fresh, and what is derived from them.

CREATE TABLE public.topology_connections_cache (
  from_asset_id   text COLLATE "C",
  to_asset_id     text COLLATE "C",
  from_circuit_id text COLLATE "C",
  to_circuit_id   text COLLATE "C",
  from_latitude   double precision,
  from_longitude  double precision,
  to_latitude     double precision,
  to_longitude    double precision,
  connection_type text COLLATE "C",
  last_updated    timestamptz,
  geom            geometry(LineString, 4326) GENERATED ALWAYS AS (
    ST_SetSRID(ST_MakeLine(ST_MakePoint(from_longitude, from_latitude),
                           ST_MakePoint(to_longitude, to_latitude)), 4326)) STORED,
  PRIMARY KEY (from_asset_id, to_asset_id, connection_type)
);
CREATE INDEX topology_connections_cache_geom ON public.topology_connections_cache USING gist (geom);
CREATE INDEX topology_connections_cache_geog ON public.topology_connections_cache USING gist ((geom::geography));
CREATE INDEX topology_connections_cache_to_asset_id ON public.topology_connections_cache (to_asset_id);
CREATE INDEX topology_connections_cache_from_circuit_id ON public.topology_connections_cache (from_circuit_id);
CREATE INDEX topology_connections_cache_to_circuit_id ON public.topology_connections_cache (to_circuit_id);

CREATE TABLE public.outage_restoration_tracker (
  outage_id             text COLLATE "C" PRIMARY KEY,
  circuit_id            text COLLATE "C",
  substation_id         text COLLATE "C",
  outage_type           text,
  cause_category        text,
  start_time            timestamptz,
  estimated_restoration timestamptz,
  actual_restoration    timestamptz,
  customers_affected    integer,
  customers_restored    integer,
  status                text,  -- ACTIVE, ASSIGNED, IN_PROGRESS, PENDING, RESTORED
  priority              text,  -- HIGH, MEDIUM, LOW
  crew_assigned         text,
  latitude              double precision,
  longitude             double precision,
  geom                  geometry(Point, 4326)
    GENERATED ALWAYS AS (ST_SetSRID(ST_MakePoint(longitude, latitude), 4326)) STORED,
  created_at            timestamptz,
  updated_at            timestamptz
);
CREATE INDEX outage_restoration_tracker_geom ON public.outage_restoration_tracker USING gist (geom);
CREATE INDEX outage_restoration_tracker_geog ON public.outage_restoration_tracker USING gist ((geom::geography));
CREATE INDEX outage_restoration_tracker_circuit_id ON public.outage_restoration_tracker (circuit_id);
CREATE INDEX outage_restoration_tracker_substation_id ON public.outage_restoration_tracker (substation_id);

CREATE TABLE public.work_orders (
  work_order_id   text COLLATE "C" PRIMARY KEY,
  work_order_type text,
  priority        text,
  status          text,  -- OPEN, SCHEDULED, ASSIGNED, IN_PROGRESS, DONE
  assigned_crew   text,
  circuit_id      text COLLATE "C",
  substation_id   text COLLATE "C",
  transformer_id  text COLLATE "C",
  description     text,
  scheduled_start timestamptz,
  scheduled_end   timestamptz,
  actual_start    timestamptz,
  actual_end      timestamptz,
  latitude        double precision,
  longitude       double precision,
  geom            geometry(Point, 4326)
    GENERATED ALWAYS AS (ST_SetSRID(ST_MakePoint(longitude, latitude), 4326)) STORED,
  created_at      timestamptz,
  updated_at      timestamptz
);
CREATE INDEX work_orders_geom ON public.work_orders USING gist (geom);
CREATE INDEX work_orders_geog ON public.work_orders USING gist ((geom::geography));
CREATE INDEX work_orders_circuit_id ON public.work_orders (circuit_id);
CREATE INDEX work_orders_substation_id ON public.work_orders (substation_id);
CREATE INDEX work_orders_transformer_id ON public.work_orders (transformer_id);

-- Every row is updated every few minutes: room on each page keeps that from touching the indexes.
CREATE TABLE public.circuit_status_realtime (
  circuit_id       text COLLATE "C" PRIMARY KEY,
  circuit_name     text,
  substation_id    text COLLATE "C",
  substation_name  text,
  voltage_class    text,
  status           text,
  avg_load_percent double precision,  -- 0 to 100 and above
  avg_health_score double precision,  -- 0 to 100
  customers_served integer,
  outage_count     integer,
  centroid_lat     double precision,
  centroid_lon     double precision,
  geom             geometry(Point, 4326)
    GENERATED ALWAYS AS (ST_SetSRID(ST_MakePoint(centroid_lon, centroid_lat), 4326)) STORED,
  last_updated     timestamptz
) WITH (fillfactor = 70);
CREATE INDEX circuit_status_realtime_geom ON public.circuit_status_realtime USING gist (geom);
CREATE INDEX circuit_status_realtime_geog ON public.circuit_status_realtime USING gist ((geom::geography));
CREATE INDEX circuit_status_realtime_substation_id ON public.circuit_status_realtime (substation_id);

-- Derived from grid_assets_cache.
CREATE TABLE public.circuit_service_areas (
  circuit_id        text COLLATE "C" PRIMARY KEY,
  substation_id     text COLLATE "C",
  customer_count    integer,
  asset_count       integer,
  transformer_count integer,
  meter_count       integer,
  centroid          geometry(Point, 4326),
  geom              geometry(Geometry, 4326)  -- convex hull; a point or line when few assets
);
CREATE INDEX circuit_service_areas_geom ON public.circuit_service_areas USING gist (geom);
CREATE INDEX circuit_service_areas_geog ON public.circuit_service_areas USING gist ((geom::geography));
CREATE INDEX circuit_service_areas_substation_id ON public.circuit_service_areas (substation_id);

INSERT INTO gridlight.layer_state (layer, version, changed_at)
SELECT layer, 1, now()
FROM unnest(ARRAY[
  'topology', 'outages', 'work_orders', 'circuits', 'service_areas'
]) AS layer;
