# abtest in a container: docker build -t abtest . && docker run --rm -v "$PWD:/work" abtest validate experiments
FROM python:3.12-slim AS build
WORKDIR /src
# The pins hold the tools of development too; only what the program needs is kept.
COPY requirements.txt pyproject.toml README.md LICENSE ./
COPY src ./src
RUN python -m venv /opt/tools \
    && /opt/tools/bin/pip install --no-cache-dir --require-hashes --requirement requirements.txt \
    && /opt/tools/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels . \
    && sed 's/ \\$//; /^ *--hash/d; /^ *#/d; /^$/d' requirements.txt > /wheels/constraints.txt
RUN python -m venv /opt/abtest \
    && /opt/abtest/bin/pip install --no-cache-dir --constraint /wheels/constraints.txt /wheels/*.whl \
    && /opt/abtest/bin/pip check

FROM python:3.12-slim
LABEL org.opencontainers.image.title="abtest" org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --create-home --uid 10001 abtest
COPY --from=build /opt/abtest /opt/abtest
ENV PATH="/opt/abtest/bin:$PATH" PYTHONUNBUFFERED=1 MPLCONFIGDIR=/home/abtest/.config/matplotlib
USER abtest
WORKDIR /work
ENTRYPOINT ["abtest"]
CMD ["--help"]
