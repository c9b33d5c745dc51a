"""Records what transformers' BertTokenizer gives: python make.py, into vectors.json.gz beside this file.

The vocabulary is made of the texts themselves: their characters, alone and inside words, and common words and endings.
Texts are the short ones of ../tokenizer/clip/vectors.json.gz and a few more.  Each case is the vocabulary with another
tokenizer_config.json, and beside it what save_pretrained() makes of both: a tokenizer.json, kept here without its vocabulary,
and another tokenizer_config.json."""
import collections, gzip, json, os, re, tempfile
os.environ['HF_HUB_OFFLINE'] = '1'
import tokenizers, transformers
from tokenizers.normalizers import BertNormalizer

here = os.path.dirname(os.path.abspath(__file__))
texts = [v['text'] for v in json.load(gzip.open(os.path.join(here, '../tokenizer/clip/vectors.json.gz')))['vectors'] if len(v['text']) <= 200]
texts += ['', ' ', '[MASK]', 'a[MASK]b', 'the [SEP] of [CLS][CLS]', '[mask] [ MASK ]', '[PAD]', '[UNK]x', 'x' * 100, 'x' * 101,
          'a\u0301e\u0308 \u00c5ngstr\u00f6m Na\u00efve', '\u0130stanbul I\u0131', '\u4e2d\u6587abc\u5b57', '\uf900\ufa0e x\u2f800y',
          '\u3000\u00a0\u2003tab\tnew\nline\r', 'a\u200bb\u00adc\ufeffd', '\x00\x01\x7f\x85 \ufffd', '\u1e9e\u00df\ufb01\u212b\u2126',
          '\ud55c\uad6d\uc5b4 \u110b\u1175', "don't stop-me_now", '\u00bfqu\u00e9? \u00a1s\u00ed!', '\u2014\u2026\u201cx\u201d',
          '$5+5=10 ^_^ `a` ~b', '\U0001f600\u200d\U0001f525 \U0001f1e6', '\u0928\u092e\u0938\u094d\u0924\u0947', '\u05e9\u05b8\u05dc\u05d5\u05dd',
          '\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35', '\U0002a6d6\U0002b740\U0002b820\U0002b920x', 'A painting of a squirrel eating a burger']
special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']

def vocabulary():
    plain = BertNormalizer(lowercase=True).normalize_str(' '.join(texts))
    cased = ' '.join(texts)
    count = collections.Counter(c for c in plain + cased if not c.isspace())
    marks = sorted(c for c, n in count.items() if n > 1)        # the others are unknown
    words = collections.Counter(w for w in re.findall(r'\w+', plain) if len(w) > 2)
    parts = [w for w, n in words.most_common(400)]
    ends = collections.Counter(w[-k:] for w in words for k in (2, 3, 4) if len(w) > k + 1)
    return list(dict.fromkeys(special + marks + ['##' + c for c in marks] + parts + ['##' + e for e, n in ends.most_common(300)]))

words = vocabulary()
cases = []
for config in {}, {'do_lower_case': False}, {'do_lower_case': False, 'strip_accents': True}, {'tokenize_chinese_chars': False}, \
        {'do_lower_case': True, 'strip_accents': False, 'unk_token': '[MASK]', 'mask_token': '[UNK]'}:
    config = dict(config, model_max_length=77, tokenizer_class='BertTokenizer')
    with tempfile.TemporaryDirectory() as folder:
        open(f'{folder}/vocab.txt', 'w').write('\n'.join(words) + '\n')
        json.dump(config, open(f'{folder}/tokenizer_config.json', 'w'))
        t = transformers.BertTokenizer.from_pretrained(folder)
        t.save_pretrained(f'{folder}/saved')
        assert sorted(os.listdir(f'{folder}/saved')) == ['tokenizer.json', 'tokenizer_config.json']
        root, saved = (json.load(open(f'{folder}/saved/{n}')) for n in ('tokenizer.json', 'tokenizer_config.json'))
        again = transformers.BertTokenizer.from_pretrained(f'{folder}/saved')
    ids = [t(s).input_ids for s in texts]
    assert ids == [again(s).input_ids for s in texts]
    assert root['model'].pop('vocab') == {w: i for i, w in enumerate(words)}
    saved = {k: v for k, v in saved.items() if k not in ('is_local', 'local_files_only')}
    cases.append({'config': config, 'ids': ids, 'tokenizer.json': root, 'saved config': saved})
out = json.dumps({'tokenizer': f'transformers {transformers.__version__} BertTokenizer (tokenizers {tokenizers.__version__})',
                  'vocabulary': words, 'texts': texts, 'cases': cases}, ensure_ascii=True, separators=(',', ':'))
with gzip.GzipFile(os.path.join(here, 'vectors.json.gz'), 'wb', mtime=0) as f:
    f.write(out.encode())
print(len(texts), 'texts,', len(words), 'words')
