# `make` prints the list of what can be done here. Two commands are enough for a first look: make setup, make demo.
PYTHON ?= python3
BIN := .venv/bin
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip --quiet --no-input
ARGS ?=

# Safety limits, not goals: a run that hangs ends by itself and says where it was. macOS has no `timeout`, so no limit.
within = $(if $(shell command -v timeout),timeout --foreground --signal=INT --kill-after=30 $(1))

# What computes runs first, two at once; what waits for real servers then, so many side by side; only `make bench` measures
# time. A test whose wait ran out is run once more, alone, at the end (tests/running).
# What waits has up to three processes more while cores are idle; on a busy machine they would only make each other late.
SIDE_BY_SIDE := --processes 5

# Tests and breakages start hundreds of processes of the product: without compiled files each would compile it again.
unexport PYTHONDONTWRITEBYTECODE

# `make test` leaves out, and says so, what takes long (a user's whole first hour, big tables) and what needs a Debian package;
# `make test-all` runs everything.
DEBIAN_POSTGRES := $(wildcard /usr/lib/postgresql/*/bin/postgres)
DEBIAN_REDIS := $(shell command -v redis-server)
DEBIAN_SENTINEL := $(and $(DEBIAN_REDIS),$(shell command -v redis-sentinel))
DEBIAN_RABBITMQ := $(wildcard /usr/lib/rabbitmq/bin/rabbitmq-server)
DEBIAN_PGBOUNCER := $(wildcard /usr/sbin/pgbouncer)
DEBIAN_CHROMIUM := $(shell command -v chromium)
DEBIAN_PROMTOOL := $(shell command -v promtool)
DEBIAN_PHP := $(if $(shell php -m 2>&1 | grep -x curl),yes)
DEBIAN_NODE := $(shell command -v node)
DEBIAN_COMPOSE := $(and $(shell command -v docker-compose),$(shell command -v kustomize),$(DEBIAN_PROMTOOL),$(DEBIAN_REDIS))
DEBIAN := debian_postgres or debian_redis or debian_sentinel or debian_rabbitmq or debian_pgbouncer or debian_chromium or debian_promtool or debian_php or debian_node or debian_compose

.DEFAULT_GOAL := help
.PHONY: help setup demo up test test-all promises truth hosts side-by-side breakages bench simulate check compose-check audit sbom chart image image-check site release publish format lock vendor examples screenshots

help: ## Print this list
	@echo 'Usage: make TARGET [ARGS="more arguments for the command"]'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-13s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: .venv/.ready ## Make .venv with every package, pinned (again only when a pin or pyproject.toml has changed)

.venv/.ready: requirements/build.lock requirements/dev.lock pyproject.toml client/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo >&2 \
	  "booking-worker needs Python 3.11 or newer, and '$(PYTHON)' is $$($(PYTHON) --version 2>&1). Another one: make setup PYTHON=python3.12"; \
	  exit 1; }
	@$(PYTHON) -m venv .venv || { echo >&2 "'$(PYTHON) -m venv .venv' failed (Debian, Ubuntu: apt-get install python3-venv)"; exit 1; }
	@printf 'Setting up .venv: %s packages of exact versions, a minute or two ... ' \
	  "$$(cat requirements/build.lock requirements/dev.lock | grep -o '^[^ ]*==' | sort -u | wc -l | tr -d ' ')"
	@$(PIP) install --require-hashes --only-binary :all: --requirement requirements/build.lock --requirement requirements/dev.lock
	@$(PIP) install --no-deps --no-build-isolation --editable client --editable .
	@touch $@
	@echo done

demo: setup ## Book 260 requests at a Cal.com that misbehaves, with real servers; leaves nothing behind
	@$(BIN)/booking demo $(ARGS)

up: setup ## Start everything for your first hour: servers, workers, beat, Flower; Ctrl-C ends all
	@$(BIN)/booking up $(ARGS)

test: setup ## Run the tests, except the long ones and those that need a Debian package
	@echo 'Left out: the rules of the house (make check runs them), the tests marked long, and those marked debian_postgres, debian_redis, debian_sentinel, debian_rabbitmq, debian_pgbouncer, debian_chromium, debian_promtool, debian_php, debian_node and debian_compose (apt-get install postgresql redis-server redis-sentinel rabbitmq-server pgbouncer chromium prometheus php-cli php-curl nodejs docker-compose kustomize); make test-all runs them.'
	@$(call within,900) $(BIN)/pytest $(SIDE_BY_SIDE) -m 'not (long or $(DEBIAN))' --ignore=tests/browser $(if $(ARGS),,--ignore=tests/unit/house) $(ARGS)

test-all: setup ## Run every test (needs Debian's postgresql, redis-server, redis-sentinel, rabbitmq-server, pgbouncer, chromium, prometheus, php-cli, php-curl, nodejs, docker-compose, kustomize)
	@$(if $(DEBIAN_POSTGRES),,echo >&2 'No PostgreSQL under /usr/lib/postgresql: apt-get install postgresql'; exit 1)
	@$(if $(DEBIAN_REDIS),,echo >&2 'No redis-server on the path: apt-get install redis-server'; exit 1)
	@$(if $(DEBIAN_SENTINEL),,echo >&2 'No redis-sentinel on the path: apt-get install redis-sentinel'; exit 1)
	@$(if $(DEBIAN_RABBITMQ),,echo >&2 'No RabbitMQ under /usr/lib/rabbitmq: apt-get install rabbitmq-server'; exit 1)
	@$(if $(DEBIAN_PGBOUNCER),,echo >&2 'No PgBouncer in /usr/sbin: apt-get install pgbouncer'; exit 1)
	@$(if $(DEBIAN_CHROMIUM),,echo >&2 'No chromium on the path: apt-get install chromium'; exit 1)
	@$(if $(DEBIAN_PROMTOOL),,echo >&2 'No promtool on the path: apt-get install prometheus'; exit 1)
	@$(if $(DEBIAN_PHP),,echo >&2 'No php with curl on the path: apt-get install php-cli php-curl'; exit 1)
	@$(if $(DEBIAN_NODE),,echo >&2 'No node on the path: apt-get install nodejs'; exit 1)
	@$(if $(DEBIAN_COMPOSE),,echo >&2 'No docker-compose or kustomize on the path: apt-get install docker-compose kustomize'; exit 1)
	@$(call within,2400) $(BIN)/pytest $(SIDE_BY_SIDE) $(if $(ARGS),,--junitxml=build/tests/all.xml) $(ARGS)

promises: setup ## Under fire: 5,400 bookings of all kinds, every third cancelled or moved, a host's 1,750 transactions, 352 faults (SEED=1 draws the faults of that seed)
	@$(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED)) $(ARGS)

truth: setup ## Hold the Resilience page beside the world in fourteen kinds of trouble and fifteen pairs (needs Debian's chromium; fifteen minutes)
	@$(if $(DEBIAN_CHROMIUM),,echo >&2 'No chromium on the path: apt-get install chromium'; exit 1)
	@$(call within,1500) $(BIN)/python -m tests.truth $(ARGS)

hosts: setup ## Install both wheels in Django and FastAPI applications: each line of their tests must stay the same (needs a package index)
	@$(call within,900) $(BIN)/python -m tests.hosts $(ARGS)

side-by-side: setup ## A deploy: 300 bookings through an outage, by workers of an old and the new version together (OLD=REV)
	@$(BIN)/python -m tests.side_by_side $(if $(OLD),--old $(OLD)) $(ARGS)

breakages: setup ## Break a copy of the product on purpose, one promise after the other: a test must notice (ARGS=--changed: what has changed)
	@$(BIN)/python -m tests.mutation $(ARGS)

bench: setup ## Measure the cost, each figure beside its baseline, in half an hour (ARGS=NAME: only that; --list)
	@$(call within,2400) $(BIN)/python benchmarks $(ARGS)

simulate: setup ## Simulate an outage of Cal.com with your own figures, no servers (ARGS=--help says how)
	@$(BIN)/python -m benchmarks.simulation $(ARGS)

check: setup ## Lint, format, types, import rules, pins, examples: everything that needs no server
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/bandit --quiet --recursive --configfile pyproject.toml worker tasks resilience db client/booking_client
	@$(PIP) check
	@$(BIN)/python examples/make_bookings.py --check
	@$(BIN)/pytest tests/unit/house

compose-check: setup ## Run docker-compose.yml's commands and health checks as processes, query each panel, build deploy/kubernetes and its chart
	@$(if $(DEBIAN_COMPOSE),,echo >&2 'Some are missing: apt-get install docker-compose kustomize prometheus redis-server'; exit 1)
	@$(call within,600) $(BIN)/pytest tests/deploying $(ARGS)

audit: ## Look up the known vulnerabilities of every pinned version (needs the network; the answer changes by the day)
	@tools=$$(mktemp -d) && trap 'rm -rf "$$tools"' EXIT && $(PYTHON) -m venv "$$tools" && \
	  "$$tools/bin/pip" install --quiet --disable-pip-version-check 'pip-audit>=2.10,<3' && \
	  "$$tools/bin/pip-audit" --strict --disable-pip --require-hashes \
	    --requirement requirements/dev.lock --requirement requirements/build.lock

sbom: ## Write dist/sbom.json: the packages of the image, each with its version and hashes (CycloneDX)
	@mkdir -p dist && tools=$$(mktemp -d) && trap 'rm -rf "$$tools"' EXIT && $(PYTHON) -m venv "$$tools" && \
	  "$$tools/bin/pip" install --quiet --disable-pip-version-check 'cyclonedx-bom>=7.5,<8' && \
	  "$$tools/bin/cyclonedx-py" requirements --pyproject pyproject.toml --output-reproducible \
	    --output-file dist/sbom.json $(ARGS) requirements/runtime.lock

chart: setup ## Check the Helm chart of deploy/kubernetes by Helm's own SDK and pack it into dist/ (needs a package index)
	@mkdir -p dist && $(BIN)/python deploy/helm.py package dist

image: setup ## Build the image by buildah, without a daemon, into dist/ (ARGS=--own-base: on Debian's packages, where no registry answers)
	@$(call within,900) $(BIN)/python deploy/image.py $(ARGS)

image-check: setup ## Build the image twice: it must be the same, and book alone, read-only and without a shell (root; Debian's buildah, mmdebstrap)
	@$(call within,1200) $(BIN)/python -m tests.image

site: ## Build the docs as a site in build/site/html, no broken link allowed (needs a package index; ARGS=--serve shows it)
	@tools=$$(mktemp -d) && trap 'rm -rf "$$tools"' EXIT && $(PYTHON) -m venv "$$tools" && \
	  "$$tools/bin/pip" install --quiet --disable-pip-version-check 'mkdocs-material>=9.8,<10' 'mdx-truly-sane-lists>=1.3,<2' && \
	  NO_MKDOCS_2_WARNING=1 "$$tools/bin/python" deploy/pages.py $(ARGS)

release: setup ## Build dist/VERSION (wheels, sdists, chart, image, SBOM, checksums, notes) and book by it in an empty environment (ARGS=0.2.0: a new version)
	@$(call within,1800) $(BIN)/python deploy/release.py $(ARGS)

publish: ## Send the release of dist/ to a package index (INDEX=URL; without ARGS=--yes it is only checked)
	@tools=$$(mktemp -d) && trap 'rm -rf "$$tools"' EXIT && $(PYTHON) -m venv "$$tools" && \
	  "$$tools/bin/pip" install --quiet --disable-pip-version-check 'twine>=6.1,<8' && \
	  "$$tools/bin/python" deploy/publish.py $(if $(INDEX),--index '$(INDEX)') $(ARGS)

format: setup ## Format the code, and fix what ruff can fix
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: ## Pin the versions again after a change of pyproject.toml (ARGS=--upgrade: the newest of all)
	@PYTHON=$(PYTHON) bash requirements/lock $(ARGS)

vendor: ## Fetch the page's chart library again, by npm; its checksums must be the same
	@cd worker/page/static/vendor/uplot && archive=$$(npm pack --silent uplot@1.6.32) && \
	  tar -xmzf "$$archive" --strip-components 1 package/LICENSE && \
	  tar -xmzf "$$archive" --strip-components 2 package/dist/uPlot.iife.min.js package/dist/uPlot.min.css && \
	  rm "$$archive" && \
	  $(if $(shell command -v sha256sum),sha256sum,shasum -a 256) --check SHA256SUMS

examples: setup ## Write examples/bookings.jsonl and its table of counts again
	@$(BIN)/python examples/make_bookings.py

screenshots: setup ## Take the pictures of docs/ again, of a real outage (needs Debian's chromium; eight minutes)
	@$(if $(DEBIAN_CHROMIUM),,echo >&2 'No chromium on the path: apt-get install chromium'; exit 1)
	@$(BIN)/python -m tests.browser $(ARGS)
