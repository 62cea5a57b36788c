"""Two of gridlight's questions as one would write them with FastAPI and asyncpg."""
import json
import math
import os
from datetime import timezone

import asyncpg
from fastapi import FastAPI, Query
from fastapi.responses import JSONResponse

app = FastAPI()


@app.on_event("startup")
async def connect():
    app.state.pool = await asyncpg.create_pool(os.environ["DATABASE_URL"])


@app.on_event("shutdown")
async def disconnect():
    await app.state.pool.close()


WITHIN = """
SELECT transformer_id, ST_AsGeoJSON(geom, 7) AS geometry, substation_id, rated_kva, install_year, health_score,
       age_years, location_area, feeder_id,
       ST_Distance(geom::geography, ST_SetSRID(ST_MakePoint($1, $2), 4326)::geography) AS distance_m
FROM transformers
WHERE ST_DWithin(geom::geography, ST_SetSRID(ST_MakePoint($1, $2), 4326)::geography, $3)
ORDER BY distance_m, transformer_id
LIMIT $4
"""


@app.get("/transformers/within")
async def within(
    lon: float = Query(ge=-180, le=180),
    lat: float = Query(ge=-90, le=90),
    radius_m: float = Query(gt=0, le=50000),
    limit: int = Query(default=100, ge=1, le=1000),
):
    rows = await app.state.pool.fetch(WITHIN, lon, lat, radius_m, limit + 1)
    features = []
    for row in rows[:limit]:
        properties = dict(row)
        key = properties.pop("transformer_id")
        geometry = json.loads(properties.pop("geometry"))
        properties["distance_m"] = round(properties["distance_m"], 3)
        features.append({"type": "Feature", "id": key, "geometry": geometry, "properties": properties})
    # A response of our own spares FastAPI's walk through every value, which would double the cost.
    return JSONResponse(
        {
            "type": "FeatureCollection",
            "numberReturned": len(features),
            "truncated": len(rows) > limit,
            "features": features,
            "links": [],
        },
        media_type="application/geo+json",
    )


STATUS = """
SELECT s.substation_id, s.substation_name, c.*
FROM substations s LEFT JOIN (
  SELECT substation_id AS id,
         count(*) AS circuit_count,
         avg(load) AS avg_load,
         avg(health) AS avg_health,
         max(load) AS worst_circuit_load,
         min(health) AS worst_circuit_health,
         count(*) FILTER (WHERE load > 85) AS critical_circuits,
         count(*) FILTER (WHERE load > 70 AND load <= 85) AS warning_circuits,
         count(*) FILTER (WHERE load IS NULL AND health IS NULL) AS circuits_without_data,
         max(last_updated) AS last_updated,
         min(last_updated) FILTER (WHERE load IS NOT NULL OR health IS NOT NULL) AS as_of
  FROM (SELECT substation_id, last_updated,
               nullif(avg_load_percent::float8, 'NaN') AS load,
               nullif(avg_health_score::float8, 'NaN') AS health
        FROM circuit_status_realtime) one
  GROUP BY substation_id) c ON c.id = s.substation_id
ORDER BY c.worst_circuit_load DESC NULLS LAST, s.substation_id
"""
COUNTS = ("circuit_count", "critical_circuits", "warning_circuits", "circuits_without_data")
MEASURED = ("avg_load", "avg_health", "worst_circuit_load", "worst_circuit_health")


def judge(load, health):
    if load is None and health is None:
        return "unknown"
    load = -math.inf if load is None else load
    health = math.inf if health is None else health
    if load > 85 or health < 50:
        return "critical"
    return "warning" if load > 70 or health < 70 else "good"


def in_utc(time):
    return time and time.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


@app.get("/substations/status")
async def status():
    answer = []
    for row in await app.state.pool.fetch(STATUS):
        one = dict(row)
        del one["id"]
        one["status"] = judge(one["worst_circuit_load"], one["worst_circuit_health"])
        for name in COUNTS:
            one[name] = one[name] or 0
        for name in MEASURED:
            one[name] = one[name] if one[name] is None else round(one[name], 2)
        one["last_updated"], one["as_of"] = in_utc(one["last_updated"]), in_utc(one["as_of"])
        answer.append(one)
    return JSONResponse(answer)
