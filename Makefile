# `make run` and `make test` do all their own set-up on a Debian machine with a Swift toolchain.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CONFIG ?= config/cartpole.yaml
SECONDS ?= 600
ARGS ?=
PYTHON := .venv/bin/python
export ASAN_OPTIONS ?= detect_leaks=0

.PHONY: help setup python build run run-gymnasium test test-long learning learning-gymnasium lint format sanitize fuzz bench bench-step bench-a2c bench-peers clean

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: ## install missing Debian packages (as root or with sudo)
	@.ci/setup

python: setup
	@.ci/python

build: setup ## build the optimised program
	@swift build -c release --product rookery

run-gymnasium: CONFIG = config/lunarlander.yaml
run-gymnasium: build ## learn LunarLander, an environment of Gymnasium (installs it into .venv; CONFIG=…)
	@.ci/python python/requirements.txt
	@.build/release/rookery run $(CONFIG) $(ARGS)

run: build ## learn CartPole with separate processes (CONFIG=config/acrobot.yaml, ARGS="--seed 2")
	@.build/release/rookery run $(CONFIG) $(ARGS)

test: setup python ## run the quick tests
	@swift build --build-tests
	@ROOKERY_PYTHON=$(CURDIR)/$(PYTHON) swift test --skip-build --skip EndToEndTests
	@ROOKERY_PYTHON=$(CURDIR)/$(PYTHON) swift test --skip-build --filter EndToEndTests

test-long: setup python build ## run all tests with more seeds, and whole learning runs
	@ROOKERY_PYTHON=$(CURDIR)/$(PYTHON) ROOKERY_LONG_TESTS=1 ROOKERY_SEEDS_FACTOR=12 \
	  ROOKERY_BINARY=$(CURDIR)/.build/release/rookery swift test
	@.ci/seams
	@.ci/learning-load
	@.ci/learning-kills
	@.ci/dashboard
	@.ci/learning

lint: setup ## check the format, and that each target imports only its declared dependencies
	@.ci/seams check
	@.ci/prose
	@swift format lint --strict --recursive --parallel Package.swift Sources Tests
	@swift build --build-tests --explicit-target-dependency-import-check error

format: ## rewrite the sources in the project's format
	@swift format --in-place --recursive --parallel Package.swift Sources Tests

learning: build ## learn every configuration with five seeds; all must solve it
	@.ci/learning

learning-gymnasium: build ## the same for LunarLander, which needs Python (installs it into .venv)
	@.ci/python python/requirements.txt
	@.ci/learning lunarlander lunarlander-actor-critic

sanitize: setup ## run tests under the thread and address sanitizers
	@.ci/sanitize

fuzz: setup ## fuzz decoders, the replay's entry and damaged stores (SECONDS=600 in total; separate build)
	@.ci/fuzz $(SECONDS)

bench: build ## measure training step, actor and replay on this machine
	@.build/release/rookery bench step
	@.build/release/rookery bench actor
	@.build/release/rookery bench replay

bench-step: build ## compare the training step with PyTorch's, interleaved (installs PyTorch into .venv-torch)
	@.ci/bench-step

bench-a2c: build ## compare the actor-critic with Stable-Baselines3's A2C, in turn (installs PyTorch into .venv-sb3)
	@.ci/bench-a2c $(ARGS)

bench-peers: build ## compare the replay with Reverb, cpprb and tianshou, interleaved (installs 3 GB into .venv-peers)
	@.ci/bench-peers $(ARGS)

clean: ## remove build outputs and virtual environments
	@rm -rf .build .venv .venv-torch .venv-peers .venv-sb3 .docker-compose
