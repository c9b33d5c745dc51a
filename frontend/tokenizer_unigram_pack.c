/* tokenizer_unigram_pack.c: a unigram tokenizer's files to the blob that an executable uses as it is
 * (runtime/tokenizer_unigram.h).
 *
 *      tokenizer.json             everything but the pad token and the length; else spiece.model
 *      tokenizer_config.json      model_max_length, pad_token, padding_side
 *      special_tokens_map.json    pad_token; counts before the former
 *
 * The files are untrusted. */
#include "tokenizer_unigram_pack.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../runtime/fileio.h"
#include "../runtime/runtime.h"
#include "tokenizer_files.h"
#include "tokenizer_settings.h"

int unigram_no_room(const UnigramPacker *p)
{
    return sdc_error(SDC_NO_SPACE, "%s: out of memory", p->folder);
}

int unigram_put(UnigramPacker *p, const void *data, size_t bytes, bool table, uint32_t *offset)
{
    static const char zero[8];
    int64_t gap = table ? -p->blob.bytes & 7 : 0;
    if (p->blob.bytes + gap + (int64_t)bytes > INT32_MAX)
        return sdc_error(SDC_UNSUPPORTED, "%s: a tokenizer of more than 2 GB", p->folder);
    if (!token_text_append(&p->blob, zero, gap))
        return unigram_no_room(p);
    *offset = (uint32_t)p->blob.bytes;
    return token_text_append(&p->blob, data, (int64_t)bytes) ? SDC_OK : unigram_no_room(p);
}

/* ---- what the readers add --------------------------------------------------------------------------------------- */

int unigram_add_piece(UnigramPacker *p, const char *text, size_t bytes, double score)
{
    if (bytes > UNIGRAM_MAX_PIECE || p->n_pieces == UNIGRAM_MAX_PIECES)
        return sdc_error(SDC_UNSUPPORTED, "%s: more than %d pieces, or one of more than %d bytes", p->path,
                         UNIGRAM_MAX_PIECES, UNIGRAM_MAX_PIECE);
    if (p->n_pieces == p->room) {
        uint32_t room = 2 * p->room + 1024;
        UnigramPiece *pieces = realloc(p->pieces, room * sizeof *pieces);
        if (!pieces)
            return unigram_no_room(p);
        p->pieces = pieces;
        p->room = room;
    }
    char *copy = malloc(bytes + 1);
    if (!copy)
        return unigram_no_room(p);
    memcpy(copy, text, bytes);
    copy[bytes] = 0;
    p->pieces[p->n_pieces] = (UnigramPiece){copy, (uint32_t)bytes, p->n_pieces, score};
    p->header.vocabulary = ++p->n_pieces;
    return SDC_OK;
}

int unigram_add_token(UnigramPacker *p, uint32_t id, const char *text, size_t bytes, uint32_t flags)
{
    if (!bytes || bytes > UNIGRAM_MAX_PIECE || p->header.n_added == UNIGRAM_MAX_ADDED || id > UNIGRAM_MAX_PIECES)
        return sdc_error(SDC_UNSUPPORTED, "%s: added_tokens: %u is empty or too long, or there are more than %d",
                         p->path, id, UNIGRAM_MAX_ADDED);
    UnigramAdded *a = &p->added[p->header.n_added++];
    *a = (UnigramAdded){.id = id, .bytes = (uint32_t)bytes, .flags = flags};
    if (id >= p->header.vocabulary)
        p->header.vocabulary = id + 1;
    return unigram_put(p, text, bytes, false, &a->text);
}

int unigram_add_rule(UnigramPacker *p, const UnigramRule *rule)
{
    if (p->header.n_rules == UNIGRAM_MAX_RULES)
        return sdc_error(SDC_UNSUPPORTED, "%s: normalizer: more than %d steps", p->path, UNIGRAM_MAX_RULES);
    p->rules[p->header.n_rules++] = *rule;
    return SDC_OK;
}

int unigram_add_map(UnigramPacker *p, const void *map, size_t bytes)
{
    uint32_t trie = 0;
    if (bytes >= 4)
        memcpy(&trie, map, 4);
    if (trie < 4 || trie % 4 || trie > bytes - 4)
        return sdc_error(SDC_BAD_INPUT, "%s: normalizer: precompiled_charsmap has no trie of its size", p->path);
    UnigramRule r = {.kind = UNIGRAM_PRECOMPILED, .from_bytes = (uint32_t)(bytes - 4), .units = trie / 4};
    int code = unigram_put(p, (const char *)map + 4, bytes - 4, true, &r.from);
    return code ? code : unigram_add_rule(p, &r);
}

int unigram_add_metaspace(UnigramPacker *p, const char *mark, UnigramPrepend prepend, bool split)
{
    if (p->header.n_cuts == UNIGRAM_MAX_CUTS)
        return sdc_error(SDC_UNSUPPORTED, "%s: pre_tokenizer: more than %d steps", p->path, UNIGRAM_MAX_CUTS);
    UnigramCut *c = &p->cuts[p->header.n_cuts++];
    *c = (UnigramCut){.kind = UNIGRAM_METASPACE, .bytes = (uint32_t)strlen(mark), .prepend = prepend, .split = split};
    return unigram_put(p, mark, c->bytes, false, &c->text);
}

bool unigram_find(const UnigramPacker *p, const char *text, uint32_t *id)
{
    size_t bytes = strlen(text);
    for (uint32_t i = 0; i < p->header.n_added; i++)
        if (p->added[i].bytes == bytes && !memcmp(p->blob.at + p->added[i].text, text, bytes)) {
            *id = p->added[i].id;
            return true;
        }
    for (uint32_t i = 0; i < p->n_pieces; i++)
        if (p->pieces[i].bytes == bytes && !memcmp(p->pieces[i].text, text, bytes)) {
            *id = p->pieces[i].id;
            return true;
        }
    return false;
}

/* ---- the trie --------------------------------------------------------------------------------------------------- */

/* By text, the larger id first among equals: it is the one that counts. */
static int by_text(const void *left, const void *right)
{
    const UnigramPiece *a = left, *b = right;
    int order = memcmp(a->text, b->text, a->bytes < b->bytes ? a->bytes : b->bytes);
    if (order || a->bytes != b->bytes)
        return order ? order : a->bytes < b->bytes ? -1 : 1;
    return a->id > b->id ? -1 : 1;
}

typedef struct { uint32_t begin, end, depth; } Range;       /* the sorted pieces below a node */

/* The children of node k, behind all nodes so far. */
static void add_children(const UnigramPacker *p, UnigramNode *nodes, Range *ranges, uint32_t k, uint32_t *count)
{
    Range r = ranges[k];
    uint32_t i = r.begin;
    for (; i < r.end && p->pieces[i].bytes == r.depth; i++)
        if (nodes[k].id == UNIGRAM_NONE && r.depth)
            nodes[k].id = p->pieces[i].id;
    nodes[k].first = *count;
    while (i < r.end) {
        uint8_t byte = (uint8_t)p->pieces[i].text[r.depth];
        uint32_t begin = i;
        while (i < r.end && (uint8_t)p->pieces[i].text[r.depth] == byte)
            i++;
        nodes[*count] = (UnigramNode){.id = UNIGRAM_NONE, .byte = byte};
        ranges[(*count)++] = (Range){begin, i, r.depth + 1};
        nodes[k].count++;
    }
}

static int put_trie(UnigramPacker *p)
{
    size_t most = 1;
    for (uint32_t i = 0; i < p->n_pieces; i++)
        most += p->pieces[i].bytes;
    qsort(p->pieces, p->n_pieces, sizeof *p->pieces, by_text);
    UnigramNode *nodes = malloc(most * sizeof *nodes);
    Range *ranges = malloc(most * sizeof *ranges);
    int code = nodes && ranges ? SDC_OK : unigram_no_room(p);
    if (!code) {
        uint32_t count = 1;
        nodes[0] = (UnigramNode){.id = UNIGRAM_NONE};
        ranges[0] = (Range){0, p->n_pieces, 0};
        for (uint32_t k = 0; k < count; k++)
            add_children(p, nodes, ranges, k, &count);
        p->header.n_nodes = count;
        code = unigram_put(p, nodes, count * sizeof *nodes, true, &p->header.nodes);
    }
    free(nodes);
    free(ranges);
    return code;
}

static int put_scores(UnigramPacker *p)
{
    enum { PENALTY = 10 };              /* of an unknown character below the worst piece */
    double *scores = calloc(p->header.vocabulary, sizeof *scores), worst = 0;
    if (!scores)
        return unigram_no_room(p);
    for (uint32_t i = 0; i < p->n_pieces; i++) {
        scores[p->pieces[i].id] = p->pieces[i].score;
        worst = !i || p->pieces[i].score < worst ? p->pieces[i].score : worst;
    }
    p->header.unknown_score = worst - PENALTY;
    int code = unigram_put(p, scores, p->header.vocabulary * sizeof *scores, true, &p->header.scores);
    free(scores);
    return code;
}

/* ---- configuration ---------------------------------------------------------------------------------------------- */

static int read_config(const UnigramPacker *p, const char *name, json_t **into)
{
    char *path;
    if (asprintf(&path, "%s/%s", p->folder, name) < 0)
        return unigram_no_room(p);
    int code = tokenizer_read_config(path, into);
    free(path);
    return code;
}

static int read_pad(UnigramPacker *p, const json_t *config, const json_t *map)
{
    const json_t *token = json_object_get(map, "pad_token");
    if (!token || json_is_null(token))
        token = json_object_get(config, "pad_token");
    const char *text = tokenizer_token_text(token);
    text = text ? text : "<pad>";
    if (unigram_find(p, text, &p->header.pad))
        return SDC_OK;
    return sdc_error(SDC_BAD_INPUT, "%s: pad_token is '%s', which %s does not have", p->folder, text, p->path);
}

/* ---- the blob --------------------------------------------------------------------------------------------------- */

static int read_model(UnigramPacker *p, const json_t *config)
{
    SdcFile file;
    json_t *root = NULL;
    if (asprintf(&p->path, "%s/tokenizer.json", p->folder) < 0)
        return unigram_no_room(p);
    bool json = !access(p->path, F_OK);
    if (!json)
        strcpy(strrchr(p->path, '/'), "/spiece.model");
    int code = sdc_file_map(&file, p->path);
    if (code)
        return code;
    if (json) {
        json_error_t error;
        root = json_loadb((const char *)file.data, (size_t)file.bytes, JSON_ALLOW_NUL, &error);
        code = root ? unigram_read_json(p, root)
                    : sdc_error(SDC_BAD_INPUT, "%s: line %d: %s", p->path, error.line, error.text);
    } else {
        code = unigram_read_spiece(p, file.data, file.bytes, config);
    }
    sdc_file_unmap(&file);
    if (!code)
        code = tokenizer_sides(p->folder, config, root, &p->header.pad_left);
    json_decref(root);
    if (!code && p->header.unknown >= p->n_pieces)
        code = sdc_error(SDC_BAD_INPUT, "%s: unk_id %u is not the id of a piece", p->path, p->header.unknown);
    return code;
}

static int pack(UnigramPacker *p, const json_t *config, const json_t *map)
{
    UnigramHeader *h = &p->header;
    uint32_t start;
    memcpy(h->magic, UNIGRAM_MAGIC, sizeof h->magic);
    h->max_length = tokenizer_length_limit(json_object_get(config, "model_max_length"));
    int code;
    if ((code = unigram_put(p, h, sizeof *h, true, &start)) || (code = read_model(p, config)) ||
        (code = read_pad(p, config, map)) || (code = put_scores(p)) ||
        (code = put_trie(p)) ||
        (code = unigram_put(p, p->added, h->n_added * sizeof *p->added, true, &h->added)) ||
        (code = unigram_put(p, p->rules, h->n_rules * sizeof *p->rules, true, &h->rules)) ||
        (code = unigram_put(p, p->cuts, h->n_cuts * sizeof *p->cuts, true, &h->cuts)))
        return code;
    h->bytes = (uint32_t)p->blob.bytes;
    memcpy(p->blob.at, h, sizeof *h);
    return SDC_OK;
}

int tokenizer_unigram_pack(const char *folder, void **blob, int64_t *bytes)
{
    UnigramPacker *p = calloc(1, sizeof *p);
    json_t *config = NULL, *map = NULL;
    *blob = NULL;
    if (!p)
        return sdc_error(SDC_NO_SPACE, "%s: out of memory", folder);
    p->folder = folder;
    int code;
    if (!(code = read_config(p, "tokenizer_config.json", &config)) &&
        !(code = read_config(p, "special_tokens_map.json", &map)) && !(code = pack(p, config, map))) {
        *blob = p->blob.at;
        *bytes = p->blob.bytes;
        p->blob.at = NULL;
    }
    for (uint32_t i = 0; i < p->n_pieces; i++)
        free(p->pieces[i].text);
    free(p->pieces);
    free(p->blob.at);
    free(p->path);
    free(p);
    json_decref(config);
    json_decref(map);
    return code;
}
