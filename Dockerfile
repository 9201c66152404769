# syntax=docker/dockerfile:1
FROM python:3.12-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
COPY requirements.txt .
RUN /opt/venv/bin/pip install --require-hashes --only-binary :all: -r requirements.txt
WORKDIR /srv/homepot
COPY . .
# A throw-away key lets the settings load; no secret of an installation is in the image.
RUN HOMEPOT_MODE=production HOMEPOT_DATA_DIR=/tmp/build SECRET_KEY=build-only \
    /opt/venv/bin/python manage.py collectstatic --no-input --skip-checks \
    && /opt/venv/bin/python -m compileall -q .

FROM python:3.12-slim-bookworm
RUN groupadd --gid 10001 homepot \
    && useradd --uid 10001 --gid 10001 --home-dir /var/lib/homepot --create-home --shell /usr/sbin/nologin homepot
COPY --from=build /opt/venv /opt/venv
COPY --from=build --chown=root:root /srv/homepot /srv/homepot
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HOMEPOT_MODE=production \
    HOMEPOT_DATA_DIR=/var/lib/homepot \
    HOST=0.0.0.0 \
    PORT=8000
WORKDIR /srv/homepot
USER 10001:10001
VOLUME ["/var/lib/homepot"]
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "deploy/healthcheck.py"]
CMD ["python", "manage.py", "serve"]
