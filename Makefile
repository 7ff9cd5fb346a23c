# The ways in. Each one first sets up what it needs, and makes nothing again that is there already.
# After any of them .venv/bin/kmodlab is the command.

BIN := .venv/bin
ARGS ?=
COURSE ?= $(HOME)/kmodlab-course

# JupyterLab listens on this machine only, prints its URL and otherwise only what went wrong. It looks for a browser
# only where there is a display, and refuses root unless told.
JUPYTER_OPTIONS = --ip=127.0.0.1 --log-level=WARN --ServerApp.root_dir='$(abspath $(COURSE))'
JUPYTER_OPTIONS += $(if $(DISPLAY)$(WAYLAND_DISPLAY),,--no-browser) $(if $(filter 0,$(shell id -u)),--allow-root)

# A fifth of their time, tests wait for guests: one process more than there are processors uses it.
PYTEST = $(BIN)/pytest --numprocesses $(shell echo $$(($$(nproc) + 1))) --maxprocesses 4 --dist loadgroup

.PHONY: help lab demo test test-long test-other record messages check bench lock clean

help: ## say what there is (the default)
	@sed -n 's/^\([a-z-]*\): ## /  make \1\t/p' Makefile | expand -t 18

lab: ## set up, load hello.ko to prove it, open the course in JupyterLab (elsewhere: make lab COURSE=DIR)
	@binder/setup.sh lab
	@$(BIN)/kmodlab setup
	@$(BIN)/kmodlab demo
	@$(BIN)/kmodlab course '$(COURSE)'
	@echo 'JupyterLab is starting; Ctrl-C here ends it.'
	@exec $(BIN)/jupyter lab $(JUPYTER_OPTIONS) --LabApp.default_url="/lab/tree/$$($(BIN)/kmodlab course --where '$(COURSE)')" $(ARGS)

demo: ## set up, and load hello.ko here in the terminal
	@binder/setup.sh lab
	@$(BIN)/kmodlab setup
	@$(BIN)/kmodlab demo

test: ## set up and run all tests (some: make test ARGS=tests/kbuild)
	@binder/setup.sh test
	@$(BIN)/kmodlab setup
	@$(BIN)/kmodlab kernel
	@$(PYTEST) $(ARGS)

test-long: ## set up and run the tests that take long, those of the course on the other Debian too
	@binder/setup.sh test-long
	@$(BIN)/kmodlab setup
	@$(BIN)/kmodlab kernel
	@$(BIN)/kmodlab kernel --debug
	@$(PYTEST) -m long $(ARGS)
	@$(MAKE) --no-print-directory test-other ARGS=

test-other: ## set up Debian 13 on 12, or 12 on 13, and run the course there (other tests: make test-other ARGS=tests/kbuild)
	@binder/setup.sh test-long
	@.ci/other-debian make test ARGS='$(or $(ARGS),-m either_debian)'

record: ## run the notebooks again and store their outputs, the index and the then-and-now table (one: ARGS=FILE)
	@binder/setup.sh test
	@$(BIN)/kmodlab setup
	@$(BIN)/kmodlab kernel
	@$(BIN)/python tests/support/store_outputs.py $(ARGS)
	@$(BIN)/python tests/support/store_deck.py
	@$(BIN)/python tests/support/deck_changes.py

messages: ## collect what users read in kmodlab/locale/kmodlab.pot, for translators
	@binder/setup.sh test
	@$(BIN)/pybabel --quiet extract --mapping-file pyproject.toml --keywords N_ --add-location file --sort-by-file --omit-header \
		--output-file kmodlab/locale/kmodlab.pot kmodlab

check: ## ruff, mypy and shellcheck
	@binder/setup.sh check
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@shellcheck binder/setup.sh .ci/run .ci/other-debian kmodlab/grading/integrations/gradescope/*

bench: ## measure it, beside virtme-ng
	@binder/setup.sh bench
	@$(BIN)/kmodlab setup
	@$(BIN)/kmodlab bench --peer vng $(ARGS)

# The second lock file holds all of the first one, so that the tests run on what learners get.
LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command 'make lock'
LOCK += pyproject.toml binder/build.in

lock: ## pin the Python packages anew after a change of pyproject.toml (newest of all: make lock ARGS=--upgrade)
	@binder/setup.sh check
	@$(LOCK) $(ARGS) --extra notebook --extra slides --extra grading --output-file binder/requirements.txt
	@$(LOCK) $(ARGS) --all-extras --constraint binder/requirements.txt --output-file binder/requirements-dev.txt

clean: ## remove .venv and caches (the lab stays; kmodlab clean removes that)
	@rm -rf .venv .venv.lock .coverage htmlcov .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -prune -exec rm -rf {} +
