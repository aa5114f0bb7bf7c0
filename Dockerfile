# The product without simulator, tests and embedded servers; `--target simulator` is the Cal.com of the profile `demo`.
# Everything that is installed is pinned with its hashes. `--build-arg LOCK=otel`: an image that can send traces.
# `make image` builds it without a daemon; where no registry can be reached, BASE is a Debian with python3 and python3-venv.
ARG BASE=python:3.13.16-slim-trixie
FROM ${BASE} AS base
ENV PYTHONUNBUFFERED=1

FROM base AS build
ARG LOCK=runtime
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# First what changes seldom: a change of our own code installs nothing again.
COPY requirements/build.lock requirements/runtime.lock requirements/otel.lock requirements/
RUN python3 -m venv /tools \
 && /tools/bin/pip install --require-hashes --only-binary :all: --requirement requirements/build.lock \
 && python3 -m venv /app \
 && /app/bin/pip install --no-compile --require-hashes --only-binary :all: --requirement requirements/${LOCK}.lock
COPY pyproject.toml README.md LICENSE ./
COPY worker worker
COPY tasks tasks
COPY resilience resilience
COPY db db
COPY client client
# Compiled files have no time in them: a build at another time makes the same image. Nothing can write beside them anyway.
RUN /tools/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /dist ./client . \
 && /app/bin/pip install --no-compile --no-deps --no-index /dist/*.whl \
 && /app/bin/pip check \
 && /app/bin/pip uninstall --yes pip \
 && find /app -name __pycache__ -prune -exec rm -r {} + \
 && /tools/bin/python -m compileall -q --invalidation-mode unchecked-hash /app/lib

FROM build AS build-simulator
COPY requirements/simulator.lock requirements/
RUN /tools/bin/pip --python /app/bin/python install --require-hashes --only-binary :all: --requirement requirements/simulator.lock

FROM base AS runtime
RUN echo booking:x:10001: >>/etc/group \
 && echo booking:x:10001:10001::/nonexistent:/usr/sbin/nologin >>/etc/passwd
ENV PATH=/app/bin:$PATH
# An empty folder: `-A worker` finds the installed package, and there is no .env beside it.
WORKDIR /srv
USER 10001:10001

FROM runtime AS simulator
COPY --from=build-simulator /app /app
COPY simulator simulator
CMD ["python", "-m", "simulator", "--host", "0.0.0.0"]

FROM runtime AS product
COPY --from=build /app /app
# Celery ends softly on SIGTERM: it takes nothing new and lets calls to Cal.com come back.
STOPSIGNAL SIGTERM
CMD ["celery", "-A", "worker", "worker", "--pool", "threads", "--queues", "bookings"]
