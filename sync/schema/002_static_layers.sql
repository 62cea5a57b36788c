-- Layers that change by bulk loads. Names are those of the production exports, which load unchanged; nothing is
-- constrained that an export might break. A geom that follows from coordinates is generated, so that no writer can
-- let the two drift apart.
--
-- Ids collate "C": comparing bytes is fast, and order (so paging) is the same in every database.
-- Each layer has an index on geom for boxes and tiles, and on its geography for distances in metres.

CREATE TABLE public.substations (
  substation_id      text COLLATE "C" PRIMARY KEY,
  substation_name    text,
  latitude           double precision,
  longitude          double precision,
  capacity_mva       double precision,
  voltage_level      text,
  commissioned_date  date,
  operational_status text,
  geom               geometry(Point, 4326)
    GENERATED ALWAYS AS (ST_SetSRID(ST_MakePoint(longitude, latitude), 4326)) STORED
);
CREATE INDEX substations_geom ON public.substations USING gist (geom);
CREATE INDEX substations_geog ON public.substations USING gist ((geom::geography));

CREATE TABLE public.transformers (
  transformer_id text COLLATE "C" PRIMARY KEY,
  latitude       double precision,
  longitude      double precision,
  substation_id  text COLLATE "C",
  rated_kva      double precision,
  install_year   integer,
  health_score   double precision,
  age_years      integer,
  location_area  text,
  feeder_id      text COLLATE "C",
  geom           geometry(Point, 4326)
    GENERATED ALWAYS AS (ST_SetSRID(ST_MakePoint(longitude, latitude), 4326)) STORED
);
CREATE INDEX transformers_geom ON public.transformers USING gist (geom);
CREATE INDEX transformers_geog ON public.transformers USING gist ((geom::geography));
CREATE INDEX transformers_substation_id ON public.transformers (substation_id);
CREATE INDEX transformers_feeder_id ON public.transformers (feeder_id);

CREATE TABLE public.grid_power_lines (
  line_id           text COLLATE "C" PRIMARY KEY,
  circuit_id        text COLLATE "C",
  substation_id     text COLLATE "C",
  line_type         text,
  voltage_class     text,  -- HIGH, MEDIUM, LOW
  transformer_count integer,
  meters_served     integer,
  line_length_m     double precision,
  geom              geometry(Geometry, 4326),
  centroid_lat      double precision,
  centroid_lon      double precision,
  created_at        timestamptz
);
CREATE INDEX grid_power_lines_geom ON public.grid_power_lines USING gist (geom);
CREATE INDEX grid_power_lines_geog ON public.grid_power_lines USING gist ((geom::geography));
CREATE INDEX grid_power_lines_circuit_id ON public.grid_power_lines (circuit_id);
CREATE INDEX grid_power_lines_substation_id ON public.grid_power_lines (substation_id);

CREATE TABLE public.building_footprints (
  building_id   text COLLATE "C" PRIMARY KEY,
  building_name text,
  building_type text,
  height_meters double precision,
  num_floors    integer,
  geom          geometry(Geometry, 4326)
);
CREATE INDEX building_footprints_geom ON public.building_footprints USING gist (geom);
CREATE INDEX building_footprints_geog ON public.building_footprints USING gist ((geom::geography));

CREATE TABLE public.osm_water (
  id         bigint PRIMARY KEY,
  osm_id     bigint UNIQUE,
  name       text,
  water_type text,  -- water, river, stream, canal
  acres      numeric(12, 2),
  geom       geometry(Geometry, 4326)
);
CREATE INDEX osm_water_geom ON public.osm_water USING gist (geom);
CREATE INDEX osm_water_geog ON public.osm_water USING gist ((geom::geography));

CREATE TABLE public.vegetation_risk (
  tree_id                 text COLLATE "C" PRIMARY KEY,
  class                   text,
  subtype                 text,
  longitude               double precision,
  latitude                double precision,
  height_m                double precision,
  canopy_radius_m         double precision,
  risk_score              double precision,  -- 0 to 1
  risk_level              text,  -- critical, warning, monitor, safe
  distance_to_line_m      double precision,
  nearest_line_id         text COLLATE "C",
  nearest_line_voltage_kv double precision,
  clearance_deficit_m     double precision,
  years_to_encroachment   double precision,
  data_source             text,
  geom                    geometry(Point, 4326)
    GENERATED ALWAYS AS (ST_SetSRID(ST_MakePoint(longitude, latitude), 4326)) STORED
);
CREATE INDEX vegetation_risk_geom ON public.vegetation_risk USING gist (geom);
CREATE INDEX vegetation_risk_geog ON public.vegetation_risk USING gist ((geom::geography));
CREATE INDEX vegetation_risk_nearest_line_id ON public.vegetation_risk (nearest_line_id);

CREATE TABLE public.meter_locations_enhanced (
  meter_id       text COLLATE "C" PRIMARY KEY,
  transformer_id text COLLATE "C",
  latitude       double precision,
  longitude      double precision,
  circuit_id     text COLLATE "C",
  city           text,
  zip_code       text,
  county_name    text,
  geom           geometry(Point, 4326)
    GENERATED ALWAYS AS (ST_SetSRID(ST_MakePoint(longitude, latitude), 4326)) STORED
);
CREATE INDEX meter_locations_enhanced_geom ON public.meter_locations_enhanced USING gist (geom);
CREATE INDEX meter_locations_enhanced_geog ON public.meter_locations_enhanced USING gist ((geom::geography));
CREATE INDEX meter_locations_enhanced_transformer_id ON public.meter_locations_enhanced (transformer_id);
CREATE INDEX meter_locations_enhanced_circuit_id ON public.meter_locations_enhanced (circuit_id);

-- Personal data.
CREATE TABLE public.customers_spatial (
  customer_id      text COLLATE "C" PRIMARY KEY,
  full_name        text,
  customer_segment text,
  service_address  text,
  city             text,
  county           text,
  meter_id         text COLLATE "C",
  transformer_id   text COLLATE "C",
  latitude         double precision,
  longitude        double precision,
  geom             geometry(Point, 4326)
    GENERATED ALWAYS AS (ST_SetSRID(ST_MakePoint(longitude, latitude), 4326)) STORED
);
CREATE INDEX customers_spatial_geom ON public.customers_spatial USING gist (geom);
CREATE INDEX customers_spatial_geog ON public.customers_spatial USING gist ((geom::geography));
CREATE INDEX customers_spatial_meter_id ON public.customers_spatial (meter_id);
CREATE INDEX customers_spatial_transformer_id ON public.customers_spatial (transformer_id);

-- The customer columns are personal data.
CREATE TABLE public.grid_assets_cache (
  asset_id            text COLLATE "C" PRIMARY KEY,
  asset_name          text,
  asset_type          text,  -- substation, transformer, pole, meter
  latitude            double precision,
  longitude           double precision,
  circuit_id          text COLLATE "C",
  load_percent        double precision,
  health_score        double precision,
  status              text,
  voltage             text,
  last_updated        timestamptz,
  geom                geometry(Point, 4326)
    GENERATED ALWAYS AS (ST_SetSRID(ST_MakePoint(longitude, latitude), 4326)) STORED,
  rotation_rad        double precision,
  city                text,
  zip_code            text,
  county_name         text,
  connected_customers integer,
  service_address     text,
  customer_name       text,
  customer_segment    text,
  circuits_served     integer,
  capacity_mva        double precision,
  substation_name     text
);
CREATE INDEX grid_assets_cache_geom ON public.grid_assets_cache USING gist (geom);
CREATE INDEX grid_assets_cache_geog ON public.grid_assets_cache USING gist ((geom::geography));
CREATE INDEX grid_assets_cache_circuit_id ON public.grid_assets_cache (circuit_id);

INSERT INTO gridlight.layer_state (layer, version, changed_at)
SELECT layer, 1, now()
FROM unnest(ARRAY[
  'substations', 'transformers', 'power_lines', 'buildings', 'water', 'vegetation', 'meters', 'customers', 'assets'
]) AS layer;
