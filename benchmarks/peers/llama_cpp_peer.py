"""llama.cpp's sampler chains through the C functions of llama-cpp-python, without a model.

The array of candidates is filled beforehand and not timed, though llama.cpp fills it anew for every token. Timed are
llama_sampler_apply, which also draws, and llama_sampler_accept.
"""

import ctypes

import llama_cpp as lib
import numpy as np

import timing

TOKEN = np.dtype([("id", "<i4"), ("logit", "<f4"), ("p", "<f4")])


def chain(stages, history):
    made = lib.llama_sampler_chain_init(lib.llama_sampler_chain_default_params())
    for stage in stages:
        lib.llama_sampler_chain_add(made, stage)
    for token in history:
        lib.llama_sampler_accept(made, token)
    return made


def chains(size):
    return {
        "A": [lib.llama_sampler_init_penalties(size, timing.WINDOW, 1.1, 0.1, 0.1), lib.llama_sampler_init_top_k(40),
              lib.llama_sampler_init_top_p(0.9, 1), lib.llama_sampler_init_min_p(0.05, 1), lib.llama_sampler_init_temp(0.7),
              lib.llama_sampler_init_dist(42)],
        "B": [lib.llama_sampler_init_temp(0.7), lib.llama_sampler_init_top_p(0.9, 1), lib.llama_sampler_init_dist(42)],
        "C": [lib.llama_sampler_init_greedy()],
        "D": [lib.llama_sampler_init_temp(0.7), lib.llama_sampler_init_dist(42)],
    }


def main():
    folder, steps = timing.arguments()
    for shape in timing.SHAPES:
        inputs = timing.read(folder, shape)
        size = inputs.shape[1]
        tokens = np.zeros(size, dtype=TOKEN)
        data = tokens.ctypes.data_as(ctypes.POINTER(lib.llama_token_data))

        def prepare(logits):
            tokens["id"] = np.arange(size)
            tokens["logit"] = logits
            tokens["p"] = 0
            return lib.llama_token_data_array(data=data, size=size, selected=-1, sorted=False)

        for name, stages in chains(size).items():
            made = chain(stages, timing.history(size))

            def step(candidates):
                lib.llama_sampler_apply(made, ctypes.byref(candidates))
                lib.llama_sampler_accept(made, candidates.data[candidates.selected].id)

            timing.run(f"llama.cpp ({lib.__version__})", name, shape, inputs, steps, prepare, step)
            lib.llama_sampler_free(made)


main()
