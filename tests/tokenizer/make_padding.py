"""Records what transformers gives texts that are padded to a length, by the side that a tokenizer's files name, into
padding.json: python make_padding.py

A case is a tokenizer of these tests with other files laid over it; ids are those of the whole row, padding included."""
import gzip, json, os, shutil, tempfile
os.environ['HF_HUB_OFFLINE'] = '1'
import transformers

source = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../..')
texts = ['', 'a photo of a cat', 'two red apples on a table, and a row of words that goes on beyond the length']
words = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'a', 'photo', 'of', 'cat', 'two', 'red', 'on', ',', 'and', 'words']
LEFT, RIGHT = {'padding_side': 'left'}, {'padding_side': 'right'}

# folder, class, what is added to tokenizer_config.json, direction in tokenizer.json, length
CASES = [
    ('tests/tokenizer/saved', 'CLIPTokenizer', LEFT, None, 24),
    ('tests/tokenizer/saved', 'CLIPTokenizer', RIGHT, None, 24),
    ('tests/tokenizer/saved', 'PreTrainedTokenizerFast', {}, 'Left', 24),
    ('tests/tokenizer/saved', 'PreTrainedTokenizerFast', RIGHT, 'Left', 24),
    (None, 'BertTokenizer', LEFT, None, 10),
    ('tests/vision/siglip', 'PreTrainedTokenizerFast', LEFT, None, 16),
    ('tests/vision/siglip', 'PreTrainedTokenizerFast', {}, 'Left', 16),
    ('tests/tokenizer_bpe/qwen2-320', 'Qwen2Tokenizer', LEFT, None, 40),
    ('tests/tokenizer_bpe/gemma-320', 'PreTrainedTokenizerFast', LEFT, None, 40),
    ('tests/tokenizer_bpe/gemma-320', 'GemmaTokenizer', {}, None, 40),
    ('tests/tokenizer_bpe/gemma-320', 'GemmaTokenizer', RIGHT, None, 40),
]


def read(folder, name):
    path = os.path.join(source, folder, name)
    return (open(path, 'rb') if os.path.exists(path) else gzip.open(path + '.gz')).read()


def files_of(folder, name, settings, direction):
    """What the case lays over its folder, and the tokenizer.json that this makes."""
    if not folder:
        config = {'do_lower_case': True, 'pad_token': '[PAD]', 'unk_token': '[UNK]'}
        return {'vocab.txt': '\n'.join(words) + '\n', 'tokenizer_config.json': {**config, 'tokenizer_class': name, **settings}}, None
    root = json.loads(read(folder, 'tokenizer.json'))
    config = {**json.loads(read(folder, 'tokenizer_config.json')), 'tokenizer_class': name, **settings}
    if isinstance(config.get('eos_token'), dict):            # which transformers 5 does not read
        config['eos_token'] = config['eos_token']['content']
    if config['model_max_length'] > 1e9:
        del config['model_max_length']
    if direction:
        vocabulary = root['model']['vocab']
        pad = config['pad_token']
        number = vocabulary[pad] if isinstance(vocabulary, dict) else [token for token, _ in vocabulary].index(pad)
        root['padding'] = {'strategy': {'Fixed': 8}, 'direction': direction, 'pad_to_multiple_of': None, 'pad_id': number,
                           'pad_type_id': 0, 'pad_token': pad}
    return {'tokenizer_config.json': config}, root


cases = []
for folder, name, settings, direction, length in CASES:
    files, root = files_of(folder, name, settings, direction)
    with tempfile.TemporaryDirectory() as work:
        for file, content in {**files, **({'tokenizer.json': root} if root else {})}.items():
            with open(os.path.join(work, file), 'w', encoding='utf-8') as f:
                f.write(content if isinstance(content, str) else json.dumps(content))
        tokenizer = getattr(transformers, name).from_pretrained(work)
        rows = [tokenizer(text, padding='max_length', truncation=True, max_length=length).input_ids for text in texts]
    cases.append({'folder': folder, 'files': files, 'padding': root['padding'] if direction else None, 'length': length,
                  'pad': tokenizer.pad_token_id, 'ids': rows})
    print(folder, name, settings, direction, [row[:4] for row in rows])
json.dump({'transformers': transformers.__version__, 'texts': texts, 'cases': cases}, open('padding.json', 'w'),
          separators=(',', ':'))
