-- Meter readings of the last minutes. Partitions by the minute are made ahead and dropped by the server; there is no
-- default partition, which each new one would have to scan.
CREATE TABLE public.ami_realtime (
  meter_id     text COLLATE "C" NOT NULL,
  reading_time timestamptz NOT NULL,
  kwh          double precision,
  voltage      double precision,
  received_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (meter_id, reading_time)
) PARTITION BY RANGE (reading_time);

INSERT INTO gridlight.layer_state (layer, version, changed_at) VALUES ('ami', 1, now());
