"""What record.py sends. Names tell route, mode and what is shown; `GROUPS` tells which server they are for."""

SAMPLING = {
    "temperature": 0,
    "top_p": 1,
    "top_k": 0,
    "min_p": 0,
    "repetition_penalty": 1,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "max_tokens": 5,
    "min_tokens": 0,
    "ignore_eos": False,
    "skip_special_tokens": True,
}
WARM = {"temperature": 1.2, "seed": 7, "n": 2}
MODEL = "tempera-sample"
TEXT = "春天"
IDS = [395, 406]
CHAT = [{"role": "user", "content": "请写一首关于春天的诗"}]
USAGE = {"stream": True, "stream_options": {"include_usage": True}}
EVERY_USAGE = {"stream": True, "stream_options": {"include_usage": True, "continuous_usage_stats": True}}
TOOL = {
    "type": "function",
    "function": {
        "name": "write_poem",
        "description": "写诗",
        "parameters": {
            "type": "object",
            "properties": {"season": {"type": "string", "enum": ["春", "秋"]}},
            "required": ["season"],
            "additionalProperties": False,
        },
    },
}
OTHER_TOOL = {"type": "function", "function": {"name": "stop", "parameters": {"type": "object", "properties": {}}}}
# The model was not trained on tools: unless spaces and line breaks are forbidden it writes nothing else inside of JSON.
NO_SPACE = {"12": -100, "16": -100, "259": -100, "260": -100}
SCHEMA = {
    "type": "object",
    "properties": {"line": {"type": "string", "maxLength": 4}},
    "required": ["line"],
    "additionalProperties": False,
}


def completion(**fields):
    return {"model": MODEL, "prompt": TEXT, **SAMPLING, **fields}


def chat(**fields):
    return {"model": MODEL, "messages": CHAT, **SAMPLING, **fields}


def generate(sampling=None, **fields):
    return {"model": MODEL, "token_ids": IDS, "sampling_params": {**SAMPLING, **(sampling or {})}, **fields}


def post(name, path, body, **headers):
    return name, "POST", path, body, {key.replace("_", "-"): value for key, value in headers.items()}


def get(name, path):
    return name, "GET", path, None, {}


def completions(name, **fields):
    return post("completions-" + name, "/v1/completions", completion(**fields))


def chats(name, **fields):
    return post("chat-" + name, "/v1/chat/completions", chat(**fields))


def generates(name, sampling=None, **fields):
    return post("generate-" + name, "/inference/v1/generate", generate(sampling, **fields))


def error(name, **fields):
    return completions("error-" + name, **fields)


OPEN = [
    get("version", "/version"),
    get("models", "/v1/models"),
    get("health", "/health"),
    get("not-found", "/nope"),
    get("method-not-allowed", "/v1/completions"),
    post("tokenize-text", "/tokenize", {"prompt": TEXT, "return_token_strs": True}),
    post("tokenize-chat", "/tokenize", {"messages": CHAT, "add_generation_prompt": True}),
    post("tokenize-tools", "/tokenize", {"messages": CHAT, "tools": [TOOL]}),
    post("detokenize", "/detokenize", {"tokens": IDS}),
    # --- text completions
    completions("whole"),
    completions("stream", **USAGE),
    completions("stream-no-usage", stream=True),
    completions("stream-usage-on-every-chunk", **EVERY_USAGE),
    completions("ids", prompt=IDS, return_token_ids=True, return_tokens_as_token_ids=True, logprobs=2),
    completions(
        "stream-ids", prompt=IDS, return_token_ids=True, return_tokens_as_token_ids=True, logprobs=2, **USAGE
    ),
    completions("logprobs", logprobs=3),
    completions("stream-logprobs", logprobs=3, **USAGE),
    completions("logprobs-of-ids", logprobs=0, logprob_token_ids=[3, 395, 4000]),
    completions("logprobs-of-masked", logprobs=3, allowed_token_ids=[395, 406]),
    completions("prompt-logprobs", prompt=IDS, prompt_logprobs=1),
    completions("echo", echo=True, logprobs=1),
    completions("two", return_token_ids=True, **WARM),
    completions("stream-two", return_token_ids=True, **WARM, **EVERY_USAGE),
    completions("stream-two-prompts", prompt=[TEXT, "秋"], return_token_ids=True, **USAGE),
    completions("stream-stop-string", max_tokens=64, stop=["。", "，"], return_token_ids=True, **USAGE),
    completions("stream-stop-string-included", max_tokens=64, stop="，", include_stop_str_in_output=True, **USAGE),
    completions("stream-stop-token", max_tokens=64, stop_token_ids=[406], return_token_ids=True, **USAGE),
    completions(
        "stream-split-characters",
        max_tokens=16,
        structured_outputs={"choice": ["𠮷😀é"]},
        return_token_ids=True,
        return_tokens_as_token_ids=True,
        logprobs=1,
        **USAGE,
    ),
    completions("stream-cut-character", max_tokens=6, structured_outputs={"choice": ["𠮷😀é"]}, return_token_ids=True, **USAGE),
    completions(
        "stream-repetition",
        max_tokens=40,
        allowed_token_ids=[395],
        repetition_detection={"max_pattern_size": 2, "min_pattern_size": 1, "min_count": 4},
        **USAGE,
    ),
    completions("stream-interval", max_tokens=12, stream_interval=5, return_token_ids=True, **USAGE),
    completions("choice", max_tokens=8, structured_outputs={"choice": ["春风", "秋月"]}),
    completions("regex", max_tokens=8, structured_outputs={"regex": "[春秋]{2}"}),
    completions("grammar", max_tokens=8, structured_outputs={"grammar": 'root ::= "春" | "秋"'}),
    completions(
        "stream-json-schema",
        max_tokens=40,
        response_format={"type": "json_schema", "json_schema": {"name": "poem", "schema": SCHEMA}},
        **USAGE,
    ),
    # --- chat
    chats("whole", max_tokens=8),
    chats("stream", max_tokens=8, **USAGE),
    chats("stream-to-the-end", max_tokens=128, return_token_ids=True, **USAGE),
    chats("stream-usage-on-every-chunk", **EVERY_USAGE),
    chats("logprobs", logprobs=True, top_logprobs=2, return_token_ids=True),
    chats("stream-logprobs", logprobs=True, top_logprobs=2, return_token_ids=True, **USAGE),
    chats("stream-two", return_token_ids=True, **WARM, **EVERY_USAGE),
    chats("stream-stop-string", max_tokens=64, stop=["，"], return_token_ids=True, **USAGE),
    chats("tools-none-called", max_tokens=4, tools=[TOOL]),
    chats("stream-tools-none-called", max_tokens=4, tools=[TOOL], **USAGE),
    chats("tool-named", max_tokens=200, logit_bias=NO_SPACE, tools=[TOOL], tool_choice={"type": "function", "function": {"name": "write_poem"}}),
    chats(
        "stream-tool-named",
        max_tokens=200,
        logit_bias=NO_SPACE,
        tools=[TOOL],
        tool_choice={"type": "function", "function": {"name": "write_poem"}},
        **USAGE,
    ),
    chats("tool-required", max_tokens=200, logit_bias=NO_SPACE, tools=[TOOL, OTHER_TOOL], tool_choice="required"),
    chats("stream-tool-required", max_tokens=200, logit_bias=NO_SPACE, tools=[TOOL, OTHER_TOOL], tool_choice="required", **USAGE),
    chats(
        "stream-tool-auto",
        max_tokens=90,
        tools=[TOOL],
        structured_outputs={
            "regex": '<tool_call>\\n\\{"name": "write_poem", "arguments": \\{"season": "[春秋]"\\}\\}\\n</tool_call>'
        },
        **USAGE,
    ),
    chats(
        "tool-answered",
        max_tokens=4,
        tools=[TOOL],
        messages=[
            *CHAT,
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "call-1", "type": "function", "function": {"name": "write_poem", "arguments": '{"season":"春"}'}}
                ],
            },
            {"role": "tool", "tool_call_id": "call-1", "content": "春风"},
        ],
    ),
    # --- tokens in, tokens out
    generates("whole", return_token_ids=True),
    generates("stream", stream=True, stream_options={"include_usage": True}),
    generates("stream-ids", return_token_ids=True, **USAGE),
    generates("stream-usage-on-every-chunk", **EVERY_USAGE),
    generates("logprobs", {"logprobs": 2}),
    generates("stream-logprobs", {"logprobs": 2}, **USAGE),
    generates("logprobs-of-ids", {"logprobs": 3, "logprob_token_ids": [3, 395, 4000]}),
    generates("logprobs-of-masked", {"logprobs": 3, "allowed_token_ids": [395, 406]}),
    generates("prompt-logprobs", {"prompt_logprobs": 1}),
    generates("two", WARM),
    generates("stream-two", WARM, **EVERY_USAGE),
    generates("stream-stop-string", {"max_tokens": 64, "stop": ["，"]}, **USAGE),
    generates("stream-stop-token", {"max_tokens": 64, "stop_token_ids": [406]}, **USAGE),
    generates("text", {"logprobs": 1}, output_mode="text"),
    generates("stream-text", {"logprobs": 1}, output_mode="text", **USAGE),
    generates("stream-text-stop-string", {"max_tokens": 64, "stop": ["，"]}, output_mode="text", **USAGE),
    # --- errors
    post("error-no-body", "/v1/completions", ""),
    post("error-bad-json", "/v1/completions", '{"model": "tempera-sample", "prompt": '),
    post("error-no-object", "/v1/completions", "[]"),
    post("error-media-type", "/v1/completions", completion(), Content_Type="text/plain"),
    error("no-prompt", prompt=None),
    error("empty-prompt", prompt=""),
    error("model", model="gpt-4"),
    error("type", temperature="warm"),
    error("two-types", temperature="warm", top_k=[1]),
    error("temperature-below", temperature=-1),
    error("temperature-above", temperature=2.1),
    error("top-p", top_p=0),
    error("top-k", top_k=-2),
    error("min-p", min_p=1.1),
    error("repetition-penalty", repetition_penalty=0),
    error("presence-penalty", presence_penalty=2.5),
    error("frequency-penalty", frequency_penalty=-2.5),
    error("max-tokens", max_tokens=0),
    error("min-tokens", min_tokens=6),
    error("n", n=0),
    error("n-greedy", n=2),
    error("n-too-many", n=20000, temperature=1),
    error("seed", seed=2**63),
    error("stops", stop=["1", "2", "3", "4", "5"]),
    error("stop-empty", stop=[""]),
    error("logit-bias-key", logit_bias={"春": 1}),
    error("logit-bias-vocabulary", logit_bias={"4672": 1}),
    error("allowed-empty", allowed_token_ids=[]),
    error("allowed-vocabulary", allowed_token_ids=[4672]),
    error("stop-ids-vocabulary", stop_token_ids=[4672]),
    error("bad-words-empty", bad_words=[""]),
    error("bad-words-too-many", bad_words=[chr(0x4E00 + i) for i in range(130)]),
    error("prompt-vocabulary", prompt=[4672]),
    error("prompt-negative", prompt=[-1]),
    error("logprobs", logprobs=5000),
    error("logprobs-negative", logprobs=-2),
    error("logprob-ids-without-logprobs", logprob_token_ids=[1]),
    error("logprob-ids-too-many", logprobs=0, logprob_token_ids=list(range(129))),
    error("prompt-logprobs-stream", prompt_logprobs=1, stream=True),
    error("stream-options", stream_options={"include_usage": True}),
    error("cache-salt", cache_salt="a/b"),
    error("structured-two", structured_outputs={"regex": "a", "choice": ["a"]}),
    error("structured-regex", structured_outputs={"regex": "("}),
    error("structured-grammar", structured_outputs={"grammar": "root = "}),
    error("structured-choice-empty", structured_outputs={"choice": []}),
    error("response-format", response_format={"type": "json_schema"}),
    error("context", prompt=[395] * 1025),
    completions("max-tokens-capped", max_tokens=1023, **USAGE),
    error("context-with-output", max_tokens=1025),
    error("context-stream", prompt=[395] * 1025, stream=True),
    error("beam-stream", use_beam_search=True, n=2, stream=True),
    error("data-parallel-rank"),
    # Refused after the stream was opened: status 200.
    completions("stream-refused", structured_outputs={"grammar": "root = "}, **USAGE),
    chats("stream-refused", structured_outputs={"grammar": "root = "}, **USAGE),
    generates("stream-refused", {"structured_outputs": {"grammar": "root = "}}, **USAGE),
    completions("stream-refused-vocabulary", prompt=[4672], **USAGE),
    completions("stream-refused-bias", logit_bias={"4672": 1}, **USAGE),
    post("chat-error-no-messages", "/v1/chat/completions", {"model": MODEL}),
    chats("error-empty-messages", messages=[]),
    chats("error-role", messages=[{"content": "春"}]),
    chats("error-tools-empty", tools=[]),
    chats("error-tool-choice", tool_choice="required"),
    chats("error-template", chat_template="{{ messages }}"),
    chats("error-continue", continue_final_message=True, add_generation_prompt=True),
    chats("error-top-logprobs", top_logprobs=2),
    chats("error-context", messages=[{"role": "user", "content": TEXT * 700}]),
    chats("error-model", model="gpt-4"),
    generates("error-sampling-type", {"temperature": "warm"}),
    generates("error-sampling-range", {"temperature": -1}),
    generates("error-sampling-unknown", {"temprature": 1}),
    generates("error-no-ids", token_ids=[]),
    generates("error-negative-id", token_ids=[-1]),
    generates("error-vocabulary", token_ids=[4672]),
    generates("error-context", token_ids=[395] * 1025),
    generates("error-model", model="gpt-4"),
    generates("error-n", {"n": 1000, "temperature": 1}),
    post("tokenize-error", "/tokenize", {"promt": TEXT}),
    post("detokenize-error", "/detokenize", {"tokens": ["a"]}),
    post("detokenize-error-vocabulary", "/detokenize", {"tokens": [2**63]}),
]
OPEN = [
    (name, method, path, body, {**headers, "X-data-parallel-rank": "9"} if name.endswith("data-parallel-rank") else headers)
    for name, method, path, body, headers in OPEN
]

# --api-key secret --max-logprobs 5 --enable-force-include-usage, and without --enable-scale-out
KEY = {"Authorization": "Bearer secret"}
GUARDED = [
    post("unauthorized", "/v1/completions", completion()),
    post("unauthorized-wrong", "/v1/completions", completion(), Authorization="Bearer wrong"),
    post("unauthorized-stream", "/v1/chat/completions", chat(stream=True), Authorization="Bearer wrong"),
    post("authorized", "/v1/completions", completion(), **KEY),
    post("forced-usage", "/v1/completions", completion(stream=True), **KEY),
    post("forced-usage-chat", "/v1/chat/completions", chat(stream=True), **KEY),
    post("error-max-logprobs", "/v1/completions", completion(logprobs=6), **KEY),
    post("generate-disabled", "/inference/v1/generate", generate(), **KEY),
    post("error-tool-parser", "/v1/chat/completions", chat(tools=[TOOL], tool_choice="auto"), **KEY),
]
# --logprobs-mode processed_logprobs, and the same with raw_logits
MASKED = {"logprobs": 3, "allowed_token_ids": [395, 406], "temperature": 0.5, "seed": 1}


def modes(mode):
    return [
        post(f"{mode}-completions-logprobs", "/v1/completions", completion(prompt=IDS, return_token_ids=True, **MASKED)),
        post(
            f"{mode}-chat-stream-logprobs",
            "/v1/chat/completions",
            chat(**{**MASKED, "logprobs": True, "top_logprobs": 3}, **USAGE),
        ),
        post(f"{mode}-generate-logprobs", "/inference/v1/generate", generate(MASKED)),
    ]


# A seeded prompt that is prefilled in two steps kills the CPU engine of 0.32.0, in the middle of the first one's stream:
# that one is read in the background. VLLM_KEEP_ALIVE_ON_ENGINE_DEATH=1 --enable-chunked-prefill --max-num-batched-tokens 256
IN_BACKGROUND = "engine-dead-stream"
DYING = [
    post(IN_BACKGROUND, "/v1/completions", completion(max_tokens=1000, ignore_eos=True, return_token_ids=True, **USAGE)),
    post("engine-dead", "/v1/completions", completion(prompt=[395] * 400, temperature=1, seed=1, max_tokens=1)),
    get("engine-dead-health", "/health"),
    post("engine-dead-after", "/v1/completions", completion(max_tokens=1)),
]

GROUPS = {
    "open": OPEN,
    "guarded": GUARDED,
    "dying": DYING,
    "processed_logprobs": modes("processed-logprobs"),
    "raw_logits": modes("raw-logits"),
    "processed_logits": modes("processed-logits"),
}
