# Every target works from a fresh clone; the virtual environment is made on first use.

VENV ?= .venv
PYTHON := $(VENV)/bin/python
# What the tests of the real tools drive. Installed when apt-get and the right to use it are there; else those tests skip.
DEBIAN_PACKAGES := nftables python3-nftables iptables ipset ipvsadm iproute2 user-mode-linux busybox-static \
                   bind9-utils unbound

.PHONY: test test-all check golden bench fuzz clean

test: $(VENV)/installed tools
	$(PYTHON) -m pytest -q -m "not slow"

test-all: $(VENV)/installed tools
	$(PYTHON) -m pytest -q

check: $(VENV)/installed
	$(PYTHON) -m pip install -q -e ".[check]"
	$(VENV)/bin/ruff check .
	rm -rf build/types && mkdir -p build/types/kcompile
	cp -as $(CURDIR)/compiler/. build/types/kcompile/
	cp -as $(CURDIR)/native $(CURDIR)/grammar build/types/kcompile/
	$(VENV)/bin/mypy -p kcompile

# Write the expected files of golden/ anew; a second run changes nothing.
golden: $(VENV)/installed
	$(PYTHON) -m tests.golden.update

# Every reader and scanner against broken input, a minute each; FUZZ_SECONDS for longer.
FUZZ_SECONDS ?= 60
fuzz: $(VENV)/installed
	@$(PYTHON) -m pip install -q -e ".[test,fuzz]" || echo "atheris cannot be installed here"
	$(PYTHON) -m tests.fuzz --seconds $(FUZZ_SECONDS)

bench: $(VENV)/installed
	$(PYTHON) -m pip install -q -e ".[bench]"
	$(PYTHON) -m benchmarks

$(VENV)/installed: pyproject.toml setup.py $(wildcard native/*.pyx native/*.pxd)
	test -x $(PYTHON) || python3 -m venv $(VENV)
	$(PYTHON) -m pip install -q --upgrade pip
	$(PYTHON) -m pip install -q -e ".[test]"
	touch $@

.PHONY: tools
tools:
	@if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  missing=$$(for p in $(DEBIAN_PACKAGES); do dpkg -s $$p >/dev/null 2>&1 || echo $$p; done); \
	  if [ -n "$$missing" ]; then apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y $$missing; fi; \
	else echo "not root: tests of real tools run where $(DEBIAN_PACKAGES) are installed, and skip elsewhere"; fi

clean:
	rm -rf build dist $(VENV) native/*.so *.egg-info
