# The target, its commands and examples/run_once.py, for an unprivileged user. A tap is
# added in an image made from this one: examples/kubernetes/Dockerfile.
#
#     docker build --build-arg VERSION=1.0.0 --tag target-amplitude-nami:1.0.0 .

FROM python:3.13-slim-trixie AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY requirements/packaging.txt requirements/runtime.txt requirements/
RUN pip install --require-hashes --requirement requirements/packaging.txt
RUN python -m venv --without-pip /opt/amplitude-nami \
    && pip --python /opt/amplitude-nami/bin/python install --only-binary :all: \
        --require-hashes --requirement requirements/runtime.txt

COPY pyproject.toml README.md LICENSE ./
COPY target_amplitude_nami target_amplitude_nami
# The history, which the version is made from elsewhere, is not in here.
ARG VERSION=0.0.0
RUN SETUPTOOLS_SCM_PRETEND_VERSION="$VERSION" pip wheel --no-deps \
        --no-build-isolation --wheel-dir wheels . \
    && pip --python /opt/amplitude-nami/bin/python install --no-deps wheels/*.whl
COPY examples/run_once.py /opt/amplitude-nami/


FROM python:3.13-slim-trixie

LABEL org.opencontainers.image.title="target-amplitude-nami" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --uid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin nami \
    && install --directory --owner nami --group nami --mode 700 /data
COPY --from=build /opt/amplitude-nami /opt/amplitude-nami
ENV PATH="/opt/amplitude-nami/bin:$PATH" PYTHONUNBUFFERED=1
# By number, so that Kubernetes can tell that it is not root.
USER 10001:10001
# Relative paths of the settings, such as output/rejects.singer, are in here.
WORKDIR /data
ENTRYPOINT ["target-amplitude-nami"]
