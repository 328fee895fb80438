from datetime import date

from django.conf import settings
from django.http import HttpResponse
from django.urls import path, re_path
from django.utils.formats import date_format
from django.views.static import serve

urlpatterns = [
    path("", lambda request: HttpResponse(date_format(date(2024, 1, 1), "l") + "\n")),
    re_path(r"^static/(?P<path>.*)$", serve, {"document_root": settings.STATIC_ROOT}),
]
