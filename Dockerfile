# Targets: `cpu` (default) and `gpu`. No torch in either: models are ONNX files.
#   docker build -t saclip .
#   docker build --target gpu -t saclip:gpu .
ARG PYTHON_IMAGE=python:3.11-slim-bookworm
ARG NODE_IMAGE=node:22-bookworm-slim
ARG CUDA_IMAGE=nvidia/cuda:13.0.1-cudnn-runtime-ubuntu24.04

# The page: TypeScript to one file, nothing is fetched when it is used.
FROM ${NODE_IMAGE} AS page
WORKDIR /src/web
COPY web/package.json web/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY web/ ./
RUN npm run build

# The service in a virtual environment of its own; dependencies first, they change seldom.
FROM ${PYTHON_IMAGE} AS cpu-install
WORKDIR /src
RUN python -m venv /opt/saclip
COPY pyproject.toml constraints/serving.txt ./
RUN python -c "import tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; e = p['optional-dependencies']; print(*p['dependencies'], *e['cpu'], *e['s3'], *e['otel'], sep='\n')" > requirements.txt \
    && /opt/saclip/bin/python -m pip install --no-cache-dir -c serving.txt -r requirements.txt
COPY knowledge/ knowledge/
COPY service/ service/
COPY README.md LICENSE NOTICE ./
COPY --from=page /src/service/web/built/ service/web/built/
# The researcher's command needs torch; pip has done its work.
RUN /opt/saclip/bin/python -m pip install --no-cache-dir --no-deps . \
    && rm -rf /opt/saclip/bin/saclip-model /opt/saclip/bin/pip* /opt/saclip/lib/python3*/site-packages/pip*

FROM ${CUDA_IMAGE} AS gpu-install
WORKDIR /src
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends python3 python3-venv \
    && rm -rf /var/lib/apt/lists/* && python3 -m venv /opt/saclip
COPY pyproject.toml constraints/serving.txt ./
# The pin of `onnxruntime` holds for its GPU build too; only one of the two may be there.
RUN /opt/saclip/bin/python -c "import tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; e = p['optional-dependencies']; print(*p['dependencies'], *e['gpu'], *e['s3'], *e['otel'], sep='\n')" > requirements.txt \
    && sed -n 's/^onnxruntime==/onnxruntime-gpu==/p' serving.txt > gpu.txt \
    && /opt/saclip/bin/python -m pip install --no-cache-dir -c serving.txt -c gpu.txt -r requirements.txt
COPY knowledge/ knowledge/
COPY service/ service/
COPY README.md LICENSE NOTICE ./
COPY --from=page /src/service/web/built/ service/web/built/
RUN /opt/saclip/bin/python -m pip install --no-cache-dir --no-deps . \
    && rm -rf /opt/saclip/bin/saclip-model /opt/saclip/bin/pip* /opt/saclip/lib/python3*/site-packages/pip*

FROM ${CUDA_IMAGE} AS gpu
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="SA-CLIP" \
    org.opencontainers.image.description="Zero-shot traffic anomaly detection, on a GPU" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends python3 \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 saclip \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp saclip \
    && mkdir /data && chown 10001:10001 /data
ENV PATH=/opt/saclip/bin:$PATH \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ORT_DISABLE_TELEMETRY=1 \
    MALLOC_ARENA_MAX=2 \
    SACLIP_HOST=0.0.0.0 \
    SACLIP_DATA_DIR=/data \
    SACLIP_LOG_FORMAT=json
COPY --from=gpu-install /opt/saclip /opt/saclip
USER 10001:10001
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s \
    CMD ["python3", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ.get('SACLIP_PORT', '8000') + '/healthz', timeout=3)"]
ENTRYPOINT ["saclip"]
CMD ["serve"]

# The last stage is the default target.
FROM ${PYTHON_IMAGE} AS cpu
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="SA-CLIP" \
    org.opencontainers.image.description="Zero-shot traffic anomaly detection" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"
RUN groupadd --gid 10001 saclip \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp saclip \
    && mkdir /data && chown 10001:10001 /data
# Nothing is written but /data and /tmp, so the root file system may be read-only.
ENV PATH=/opt/saclip/bin:$PATH \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ORT_DISABLE_TELEMETRY=1 \
    MALLOC_ARENA_MAX=2 \
    SACLIP_HOST=0.0.0.0 \
    SACLIP_DATA_DIR=/data \
    SACLIP_LOG_FORMAT=json
COPY --from=cpu-install /opt/saclip /opt/saclip
USER 10001:10001
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ.get('SACLIP_PORT', '8000') + '/healthz', timeout=3)"]
ENTRYPOINT ["saclip"]
CMD ["serve"]
