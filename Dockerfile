# The wheel is built apart, so that neither build tools nor sources reach the image.
FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY proxy_addon proxy_addon
COPY rules rules
RUN python -m venv /opt/consentry && /opt/consentry/bin/pip install --no-cache-dir .

FROM python:3.13-slim
COPY --from=build /opt/consentry /opt/consentry
RUN useradd --system --create-home --uid 10001 consentry && install -d -o consentry /ca
USER consentry
# The certificate authority of forward mode lives here: keep it on a volume, and private.
VOLUME /ca
ENV PATH=/opt/consentry/bin:$PATH PYTHONUNBUFFERED=1 \
    CONSENTRY_CONFDIR=/ca CONSENTRY_LISTEN=0.0.0.0:8080
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
    CMD ["python", "-c", "import socket; socket.create_connection(('127.0.0.1', 8080), 2).close()"]
ENTRYPOINT ["consentry"]
CMD ["--help"]
