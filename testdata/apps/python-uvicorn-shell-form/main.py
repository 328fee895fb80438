from datetime import datetime
from zoneinfo import ZoneInfo

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route


async def index(request):
    return JSONResponse({"zone": datetime(2024, 1, 1, tzinfo=ZoneInfo("Europe/Berlin")).tzname()})


app = Starlette(routes=[Route("/", index)])
