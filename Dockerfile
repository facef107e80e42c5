# Builds the wheel in one stage and runs it in another: no compiler, no sources.
FROM python:3.11-slim AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY monitor monitor
COPY sql sql
COPY alerts alerts
COPY dashboards dashboards
RUN python3 -m venv /opt/pgvigil \
 && /opt/pgvigil/bin/pip install --no-cache-dir --constraint constraints.txt .

FROM python:3.11-slim
LABEL org.opencontainers.image.title="pgvigil" \
      org.opencontainers.image.description="Keeps vigil over PostgreSQL" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/pgvigil /opt/pgvigil
RUN mkdir -p /var/lib/pgvigil && chown 65532:65532 /var/lib/pgvigil
ENV PATH=/opt/pgvigil/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PGVIGIL_STATE_DIR=/var/lib/pgvigil \
    PGVIGIL_HTTP__LISTEN=0.0.0.0:9843
USER 65532:65532
VOLUME /var/lib/pgvigil
EXPOSE 9843
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["pgvigil", "healthcheck"]
ENTRYPOINT ["pgvigil"]
CMD ["run"]
