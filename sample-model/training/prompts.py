"""How people ask for a poem: the phrasings the sample model is trained and evaluated on."""

import random

DEFAULT_SYSTEM = "你是一位诗人。"

OTHER_SYSTEMS = [
    "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.",
    "You are a helpful assistant.",
    "你是一个乐于助人的助手。",
    "你是唐代诗人。",
    "你是一位精通古典诗词的诗人，请用古诗回答。",
    "你是一位诗人",
    "请用简体中文回答。",
]

# A theme is what a person asks for; a poem has it when it contains one of the words.
THEMES = {
    "春天": ["春"],
    "春": ["春"],
    "春风": ["春风"],
    "春雨": ["春雨"],
    "夏天": ["夏", "炎", "暑", "蝉", "荷"],
    "秋天": ["秋"],
    "秋": ["秋"],
    "秋风": ["秋风"],
    "冬天": ["冬", "雪", "冰", "寒梅"],
    "雪": ["雪"],
    "冬雪": ["雪"],
    "月亮": ["明月", "月明", "秋月", "孤月", "月色", "月光"],
    "月": ["月"],
    "明月": ["明月"],
    "月夜": ["月夜", "夜月"],
    "夜晚": ["夜"],
    "山水": ["山水", "青山", "溪山", "江山"],
    "山": ["山"],
    "大山": ["山", "峰"],
    "江河": ["江", "河"],
    "长江": ["长江", "大江"],
    "大海": ["海"],
    "湖": ["湖"],
    "水": ["水"],
    "送别": ["送君", "离别", "别离", "送别", "赠别", "折柳", "分手"],
    "离别": ["离别", "别离", "相别"],
    "思乡": ["故乡", "乡思", "思归", "乡心", "望乡", "归心", "故园", "思乡"],
    "故乡": ["故乡", "故园", "乡关"],
    "思念": ["相思", "思君", "忆君"],
    "相思": ["相思"],
    "爱情": ["相思", "鸳鸯", "郎", "妾"],
    "友情": ["故人", "知己", "知音"],
    "朋友": ["故人", "知己", "友"],
    "饮酒": ["酒", "醉"],
    "酒": ["酒"],
    "边塞": ["塞", "胡", "戍", "匈奴", "单于", "玉关"],
    "战争": ["战", "征", "兵"],
    "将军": ["将军"],
    "田园": ["田", "桑", "村", "农"],
    "农民": ["农", "田家"],
    "隐居": ["隐", "幽居", "柴门", "渔樵"],
    "禅": ["禅", "僧"],
    "寺庙": ["寺", "僧"],
    "神仙": ["仙"],
    "道士": ["道士", "仙", "丹"],
    "花": ["花"],
    "落花": ["落花", "花落"],
    "桃花": ["桃"],
    "梅花": ["梅"],
    "荷花": ["荷", "莲", "芙蓉"],
    "菊花": ["菊"],
    "牡丹": ["牡丹"],
    "兰": ["兰"],
    "柳": ["柳"],
    "柳树": ["柳", "杨柳"],
    "竹子": ["竹"],
    "竹": ["竹"],
    "松": ["松"],
    "松树": ["松"],
    "草": ["草"],
    "雨": ["雨"],
    "风": ["风"],
    "云": ["云"],
    "白云": ["白云"],
    "夕阳": ["夕阳", "斜阳", "落日", "斜日", "夕照", "日暮"],
    "清晨": ["晓", "朝"],
    "太阳": ["日出", "朝阳", "白日", "落日"],
    "星星": ["星"],
    "雁": ["雁"],
    "鸟": ["鸟", "莺", "燕"],
    "燕子": ["燕"],
    "鹤": ["鹤"],
    "蝉": ["蝉"],
    "猿": ["猿"],
    "马": ["马"],
    "鱼": ["鱼"],
    "船": ["舟", "船", "帆"],
    "音乐": ["琴", "笛", "瑟", "弦", "箫"],
    "琴": ["琴"],
    "笛": ["笛"],
    "剑": ["剑"],
    "书": ["书"],
    "梦": ["梦"],
    "愁": ["愁"],
    "孤独": ["独", "孤"],
    "老年": ["白发", "老", "衰"],
    "人生": ["人生", "浮生", "百年"],
    "历史": ["六朝", "前朝", "千古", "汉家", "秦"],
    "怀古": ["千古", "六朝", "故国", "前朝", "古"],
    "宫殿": ["宫", "殿"],
    "宫女": ["宫", "蛾眉", "妾"],
    "美人": ["美人", "佳人", "红颜"],
    "长安": ["长安"],
    "洛阳": ["洛阳"],
    "江南": ["江南"],
    "重阳": ["重阳", "九日", "茱萸"],
    "清明": ["清明", "寒食"],
    "故人": ["故人"],
    "登高": ["登", "高楼"],
    "楼": ["楼"],
    "旅行": ["行人", "客", "征"],
    "游子": ["游子", "客", "旅"],
    "茶": ["茶"],
    "黄河": ["黄河"],
    "瀑布": ["瀑", "飞泉"],
    "泉": ["泉"],
    "石": ["石"],
    "渔夫": ["渔"],
    "采莲": ["采莲", "莲"],
}

ENGLISH = {
    "spring": "春", "autumn": "秋", "winter": "雪", "snow": "雪", "the moon": "月", "mountains": "山",
    "rain": "雨", "wind": "风", "flowers": "花", "wine": "酒", "the river": "江", "parting": "别",
    "home": "乡", "dreams": "梦", "the sea": "海", "night": "夜",
}

# {x} is the subject, {f} the form (五言绝句, 七言律诗, ...).
PLAIN = [
    ("请写一首关于{x}的诗", 12),
    ("写一首关于{x}的诗", 5),
    ("请以{x}为题写一首诗", 2),
    ("以{x}为题，写一首诗", 1),
    ("请写一首{x}的诗", 1),
    ("写一首{x}诗", 1),
    ("帮我写一首关于{x}的诗", 1),
    ("请作一首关于{x}的诗", 1),
    ("来一首关于{x}的诗", 1),
    ("请写一首描写{x}的古诗", 1),
    ("请写一首关于{x}的古诗", 1),
    ("请写一首关于{x}的唐诗", 1),
    ("写一首诗，主题是{x}", 1),
    ("关于{x}的诗", 1),
    ("{x}", 1),
]
FORMED = [
    ("请写一首关于{x}的{f}", 8),
    ("写一首关于{x}的{f}", 4),
    ("请以{x}为题写一首{f}", 2),
    ("请写一首{f}，主题是{x}", 2),
    ("以{x}为题，作一首{f}", 1),
    ("{f}：{x}", 1),
    ("帮我写一首关于{x}的{f}", 1),
]
TITLED = [
    ("请以《{t}》为题写一首诗", 3),
    ("请写一首诗，题目是《{t}》", 2),
    ("写一首题为《{t}》的诗", 2),
    ("请以《{t}》为题写一首{f}", 2),
    ("《{t}》", 1),
]
BARE = [("请写一首{f}", 3), ("写一首{f}", 1), ("请写一首诗", 2), ("写一首诗", 1), ("作诗一首", 1), ("你好", 1)]
AGAIN = ["再写一首", "再来一首", "请再写一首", "再写一首吧", "换一首"]

# A theme stands behind the article's own test prompt: most prompts have one where the poem allows it.
KINDS = [("theme", 50), ("word", 22), ("title", 18), ("bare", 5), ("english", 5)]


def form_name(width, clauses):
    count = {5: "五言", 7: "七言"}[width]
    return count + {4: "绝句", 8: "律诗"}.get(clauses, "古诗")


def _pick(rng, weighted):
    return rng.choices([w[0] for w in weighted], [w[1] for w in weighted])[0]


def user_prompt(rng, poem):
    """One way to ask for this poem. `poem` has width, clauses, title (or ""), themes, words, english."""
    form = form_name(poem["width"], poem["clauses"])
    kind = _pick(rng, KINDS)
    if kind == "title" and poem["title"]:
        text = _pick(rng, TITLED).format(t=poem["title"], f=form)
    elif kind == "english" and poem["english"]:
        subject = rng.choice(poem["english"])
        text = rng.choice(["Write a poem about {}", "Please write a poem about {}", "A poem about {}"]).format(subject)
        return text + rng.choice(["", "."])
    elif kind == "bare":
        text = _pick(rng, BARE).format(f=form)
    else:
        subjects = poem["words"] if kind == "word" or not poem["themes"] else poem["themes"]
        if not subjects:
            text = "请写一首" + form
        else:
            text = _pick(rng, PLAIN if rng.random() < 0.62 else FORMED).format(x=rng.choice(subjects), f=form)
    return text + rng.choices(["", "。", "！"], [85, 13, 2])[0]


def free_prompt(rng, poem):
    """One way to ask for a poem of no particular form."""
    subjects = poem["themes"] or poem["words"]
    return _pick(rng, PLAIN).format(x=rng.choice(subjects)) if subjects else "请写一首诗"


def system_prompt(rng):
    """None is a chat without a system block: shorter, so cheaper to train on, and a person may ask for it."""
    draw = rng.random()
    return None if draw < 0.5 else DEFAULT_SYSTEM if draw < 0.95 else rng.choice(OTHER_SYSTEMS)


def chat(system, turns):
    """ChatML exactly as the model's chat template writes it, cut where the assistant is to speak."""
    text = "" if system is None else f"<|im_start|>system\n{system}<|im_end|>\n"
    for user, assistant in turns:
        text += f"<|im_start|>user\n{user}<|im_end|>\n<|im_start|>assistant\n"
        if assistant is not None:
            text += f"{assistant}<|im_end|>\n"
    return text


def all_prompt_characters():
    seen = set()
    for group in (PLAIN, FORMED, TITLED, BARE):
        for text, _ in group:
            seen.update(text)
    for text in [DEFAULT_SYSTEM, *OTHER_SYSTEMS, *AGAIN, *THEMES]:
        seen.update(text)
    seen.update("五七言绝句律诗古诗！：")
    return seen


if __name__ == "__main__":
    sample = {"width": 5, "clauses": 4, "title": "春晓", "themes": ["春天"], "words": ["春眠"], "english": ["spring"]}
    for i in range(10):
        print(user_prompt(random.Random(i), sample))
