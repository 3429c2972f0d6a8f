"""Settings. Every deployment runs this file; only the environment differs.

| variable | default | meaning |
|---|---|---|
| HAMLET_DATA_DIR | var | databases, artifacts, secrets of `manage.py up` |
| HAMLET_PORT | 8000 | of the web server that `up` starts |
| HAMLET_HOST | 127.0.0.1 | address that `up` listens on |
| DATABASE_URL, REDIS_URL | embedded servers | PostgreSQL and Valkey (or Redis) |
| HAMLET_SECRET_KEY | made by `up` | at least 50 characters |
| HAMLET_ALLOWED_HOSTS | none | comma-separated host names beside localhost |
| HAMLET_TRUSTED_ORIGINS | none | comma-separated origins behind a proxy, for CSRF |
| HAMLET_PROXIES | 0 | trusted proxies in front, each of which appends to X-Forwarded-For |
| HAMLET_REQUESTS_AT_ONCE | 40 | requests, and so PostgreSQL connections, of one web process |
| HAMLET_HTTPS | off | on: secure cookies, HSTS, redirect to https |
| HAMLET_ARTIFACT_DIR | DATA_DIR/artifacts | where model files live |
| HAMLET_ARTIFACT_MAX_BYTES | 4 GiB | largest file that the store takes |
| HAMLET_UPLOAD_MAX_BYTES | 512 MiB | largest file that is uploaded |
| HAMLET_MODEL_POOL_BYTES | 512 MiB | of models that a web process keeps ready to predict |
| HAMLET_PREDICT_QUEUE | 256 | questions that wait for one model; more are told to come back |
| HAMLET_PREDICT_BYTES | 512 MiB | of memory for the requests that a serving process works on |
| HAMLET_PREDICT_BODY_SECONDS | 30 | within which the body of a question must be there |
| HAMLET_PREDICT_THREADS | cores - 1 | that run models of a serving process, at least 1 |
| HAMLET_WARM_MODELS | none | comma-separated model@alias or model/version kept loaded |
| HAMLET_PREDICTION_LOG | full | of predictions: off, full, or sampled:<share> |
| HAMLET_PREDICTION_PAYLOADS | 0 | share of them that is logged with inputs and outputs |
| HAMLET_PREDICTION_DAYS | 90 | that the log of predictions is kept; 0: for ever |
| HAMLET_SESSION_SECONDS | 600 | a hidden state is kept after its last use |
| HAMLET_SESSION_BYTES | 1 MiB | of the hidden state of one session |
| HAMLET_SESSIONS_PER_USER | 100 | hidden states kept at once |
| HAMLET_TOKEN_REQUESTS_PER_MINUTE | 6000 | of one API token; 0: without limit |
| HAMLET_TOKEN_BURST | 600 | requests of one token at once, before that rate counts |
| HAMLET_RUN_LEASE_SECONDS | 60 | a worker silent for so long has lost its run |
| HAMLET_RUN_HEARTBEAT_SECONDS | 3 | between two signs of life of a worker |
| HAMLET_RUN_MAX_ATTEMPTS | 20 | starts without progress before a run fails |
| HAMLET_JOB_DAYS | 7 | that ended prediction jobs and their results are kept |
| HAMLET_JOB_LEASE_SECONDS | 45 | a worker silent for so long has lost its job |
| HAMLET_JOB_HEARTBEAT_SECONDS | 3 | between two signs of life of a job's worker |
| HAMLET_JOB_MAX_ATTEMPTS | 5 | starts before a job fails whose workers die |
| HAMLET_JOB_CHUNK_ROWS | 1024 | most rows between two looks whether a job was cancelled |
| HAMLET_REPLAY_DAYS | 180 | that ended runs keep their recorded episodes; 0: for ever |
| HAMLET_INCREMENTAL_EXAMPLES | 1000 | queued examples of a model that start a run |
| HAMLET_QUEUED_EXAMPLES | 100000 | most examples that wait for runs of one model |
| HAMLET_RETRAIN_AT | 02:00 | when nights begin on which models learn from new games |
| HAMLET_RETRAIN_ZONE | UTC | the time zone of that, as in Europe/Berlin |
| HAMLET_RETRAIN_GAMES | 100 | finished games since the last time that it takes |
| HAMLET_STATIC_ROOT | none | where `manage.py collectstatic` copies files for a proxy |
| HAMLET_METRICS_TOKEN | none | a bearer token that opens /metrics, for Prometheus |
| HAMLET_WEBHOOK_HTTP | off | on: webhooks over plain http too, inside a lab |
| HAMLET_WEBHOOK_NETWORKS | none | comma-separated private networks that webhooks may reach |
| HAMLET_WEBHOOK_CA_FILE | none | certificates (PEM) that webhooks trust beside the system's |
| HAMLET_LOG_LEVEL | INFO | of all processes |
| HAMLET_DEBUG | off | tracebacks in the browser; never in service |
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

from hamletweb.environment import (
    env,
    kept_predictions,
    seconds,
    share,
    time_of_day,
    time_zone,
    whole_number,
)
from hamletweb.timetable import TIMETABLE

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env("HAMLET_DATA_DIR", default=str(BASE_DIR / "var"))).absolute()


def embedded_services() -> dict[str, str]:
    """URLs and secret of the servers that `manage.py up` runs for this data directory."""
    try:
        return json.loads((DATA_DIR / "services.json").read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ImproperlyConfigured(
            f"{DATA_DIR / 'services.json'} cannot be read ({error}). "
            "Start `make up` again; it writes the file anew."
        ) from error


SERVICES = embedded_services()

SECRET_KEY = env("HAMLET_SECRET_KEY", default=SERVICES.get("secret_key", ""))
DEBUG = env.bool("HAMLET_DEBUG", default=False)
HTTPS = env.bool("HAMLET_HTTPS", default=False)
# Of this machine itself, always: probes of health and `up` ask by these names.
ALLOWED_HOSTS = [*env.list("HAMLET_ALLOWED_HOSTS", default=[]), "localhost", "127.0.0.1", "[::1]"]
# The client's address is the one that the outermost of them saw; with 0 nobody's word is taken.
PROXIES = whole_number("HAMLET_PROXIES", 0)
CSRF_TRUSTED_ORIGINS = env.list("HAMLET_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "daphne",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "channels",
    "rest_framework",
    "drf_spectacular",
    "django_htmx",
    "registry",
    "training",
    "live",
    "hamletweb",
]

MIDDLEWARE = [
    "hamletweb.security_headers.send_security_headers",
    "hamletweb.health.requests.count_requests",
    "hamletweb.health.any_host.answer_any_host",
    "registry.nul.refuse_nul",
    "registry.body_length.announce_body_length",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "hamletweb.urls"
ASGI_APPLICATION = "hamletweb.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASE_URL = env("DATABASE_URL", default=SERVICES.get("database_url", ""))
# Without a URL the commands that need no database (help, check, makemigrations) still work.
DATABASES = {
    "default": environ.Env.db_url_config(DATABASE_URL or "postgresql://nobody@127.0.0.1:1/none")
}
# A kept connection belongs to a thread, and under ASGI requests run in ever new threads.
DATABASES["default"]["CONN_MAX_AGE"] = 0
# A server that vanished without a word is given up after 20 to 25 seconds.
DATABASES["default"]["OPTIONS"] = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,  # ms
    **DATABASES["default"].get("OPTIONS", {}),  # of the URL: sslmode, for one
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env("REDIS_URL", default=SERVICES.get("redis_url", "redis://127.0.0.1:1/0"))

AUTH_USER_MODEL = "registry.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "live:run-list"
LOGOUT_REDIRECT_URL = "login"
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# Probes speak plain http to the process itself, also behind a proxy that speaks https.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
X_FRAME_OPTIONS = "DENY"
METRICS_TOKEN = env("HAMLET_METRICS_TOKEN", default="")

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
# Only where another server hands the files out: whitenoise finds them where they are.
STATIC_ROOT = env("HAMLET_STATIC_ROOT", default=None)
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "registry.accounts.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["registry.accounts.permissions.RoleAndScope"],
    "DEFAULT_THROTTLE_CLASSES": ["registry.limits.throttles.TokenThrottle"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["registry.problems.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "registry.problems.handle",
    "URL_FORMAT_OVERRIDE": None,  # `?format=` is a parameter of ours: of exports and downloads
}
SPECTACULAR_SETTINGS = {
    "TITLE": "HamletWeb",
    "DESCRIPTION": "Train agents, keep models, ask them for predictions.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {
        "RunStatusEnum": "training.models.RunStatus",
        "JobStatusEnum": "registry.jobs.models.JobStatus",
        "VersionStatusEnum": "registry.versions.models.VersionStatus",
        "DeliveryStatusEnum": "registry.webhooks.models.DeliveryStatus",
    },
    "SERVERS": [{"url": "/", "description": "this server"}],
    "PREPROCESSING_HOOKS": ["registry.openapi.document.one_address_each"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "registry.openapi.document.complete",
    ],
}
# Nothing a client may send needs more; refused before it is kept (hamletweb/bounds/bodies.py).
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024
# What takes a file takes so much (hamletweb/bounds/lengths.py).
UPLOAD_MAX_BYTES = whole_number("HAMLET_UPLOAD_MAX_BYTES", 512 * 1024**2, least=1)
# Each may have a connection to PostgreSQL, whose max_connections is 200 in the embedded one.
REQUESTS_AT_ONCE = whole_number("HAMLET_REQUESTS_AT_ONCE", 40, least=1)

ARTIFACT_DIR = Path(env("HAMLET_ARTIFACT_DIR", default=str(DATA_DIR / "artifacts")))
ARTIFACT_MAX_BYTES = whole_number("HAMLET_ARTIFACT_MAX_BYTES", 4 * 1024**3, least=1)
MODEL_POOL_BYTES = whole_number("HAMLET_MODEL_POOL_BYTES", 512 * 1024**2, least=1)

# Predictions: what one serving process takes at once, and what is kept of them.
PREDICT_QUEUE = whole_number("HAMLET_PREDICT_QUEUE", 256, least=1)
PREDICT_BYTES = whole_number("HAMLET_PREDICT_BYTES", 512 * 1024**2, least=1)
PREDICT_BODY_SECONDS = seconds("HAMLET_PREDICT_BODY_SECONDS", 30.0)
PREDICT_THREADS = whole_number("HAMLET_PREDICT_THREADS", max(1, (os.cpu_count() or 2) - 1), least=1)
WARM_MODELS = env.list("HAMLET_WARM_MODELS", default=[])
PREDICTION_LOG = kept_predictions("HAMLET_PREDICTION_LOG", "full")
PREDICTION_PAYLOADS = share("HAMLET_PREDICTION_PAYLOADS", 0.0)
PREDICTION_DAYS = whole_number("HAMLET_PREDICTION_DAYS", 90)
SESSION_SECONDS = whole_number("HAMLET_SESSION_SECONDS", 600, least=1)
SESSION_BYTES = whole_number("HAMLET_SESSION_BYTES", 1024**2, least=1)
SESSIONS_PER_USER = whole_number("HAMLET_SESSIONS_PER_USER", 100)
TOKEN_REQUESTS_PER_MINUTE = whole_number("HAMLET_TOKEN_REQUESTS_PER_MINUTE", 6000)
TOKEN_BURST = whole_number("HAMLET_TOKEN_BURST", 600, least=1)

WEBHOOK_HTTP = env.bool("HAMLET_WEBHOOK_HTTP", default=False)
WEBHOOK_NETWORKS = env.list("HAMLET_WEBHOOK_NETWORKS", default=[])
WEBHOOK_CA_FILE = env("HAMLET_WEBHOOK_CA_FILE", default="")

CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # The lease in PostgreSQL decides who runs what; a second delivery of a task that still runs
    # finds the lease taken and ends. So a short time-out is safe, and a lost one comes back soon.
    "visibility_timeout": 120,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    # A broker that accepts and never answers is an error within seconds. Workers wait at most one
    # second for a message (BRPOP), so a longer silence is no empty queue.
    "socket_timeout": 5.0,
    "socket_connect_timeout": 2.0,
    "socket_keepalive": True,
    "health_check_interval": 10,
}
CELERY_BEAT_SCHEDULE = TIMETABLE

# A worker that has not been heard of for this long has lost its run to the next one.
RUN_LEASE_SECONDS = whole_number("HAMLET_RUN_LEASE_SECONDS", 60, least=1)
RUN_HEARTBEAT_SECONDS = seconds("HAMLET_RUN_HEARTBEAT_SECONDS", 3.0, below=RUN_LEASE_SECONDS)
RUN_MAX_ATTEMPTS = whole_number("HAMLET_RUN_MAX_ATTEMPTS", 20, least=1)
# Prediction jobs, by the same rules. A job that is taken over begins again with its first row.
JOB_DAYS = whole_number("HAMLET_JOB_DAYS", 7, least=1)
JOB_LEASE_SECONDS = whole_number("HAMLET_JOB_LEASE_SECONDS", 45, least=1)
JOB_HEARTBEAT_SECONDS = seconds("HAMLET_JOB_HEARTBEAT_SECONDS", 3.0, below=JOB_LEASE_SECONDS)
JOB_MAX_ATTEMPTS = whole_number("HAMLET_JOB_MAX_ATTEMPTS", 5, least=1)
JOB_CHUNK_ROWS = whole_number("HAMLET_JOB_CHUNK_ROWS", 1024, least=1)
REPLAY_DAYS = whole_number("HAMLET_REPLAY_DAYS", 180)
# Learning on from what comes in: examples as soon as there are enough, games at night.
INCREMENTAL_EXAMPLES = whole_number("HAMLET_INCREMENTAL_EXAMPLES", 1000, least=1)
QUEUED_EXAMPLES = whole_number("HAMLET_QUEUED_EXAMPLES", 100_000, least=INCREMENTAL_EXAMPLES)
RETRAIN_AT = time_of_day("HAMLET_RETRAIN_AT", "02:00")
RETRAIN_ZONE = time_zone("HAMLET_RETRAIN_ZONE", "UTC")
RETRAIN_GAMES = whole_number("HAMLET_RETRAIN_GAMES", 100, least=1)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env("HAMLET_LOG_LEVEL", default="INFO")},
    # They tell of every node of every network they write.
    "loggers": {name: {"level": "WARNING"} for name in ("onnx_ir", "onnxscript", "torch.onnx")},
}
