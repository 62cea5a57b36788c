#!/usr/bin/env bash
# FastAPI + asyncpg (fastapi_app.py), a worker a core: what people would write.
#   ./dev bench peers/fastapi
# packages: python3 python3-fastapi python3-uvicorn python3-asyncpg python3-uvloop python3-httptools
set -euo pipefail
database=${1:?database url}
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source bench/lib/peer.sh

port=$(free_port)
# The packages belong to Debian's interpreter, whichever else is first in PATH.
DATABASE_URL=$database PYTHONDONTWRITEBYTECODE=1 setpriv --pdeathsig TERM /usr/bin/python3 -m uvicorn \
  --app-dir bench/peers fastapi_app:app --host 127.0.0.1 --port "$port" --workers "$(nproc)" \
  --loop uvloop --http httptools --no-access-log --log-level warning >&2 &
server=$!
until_answers curl -sf "http://127.0.0.1:$port/substations/status"
serve_on "$port"
