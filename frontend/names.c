/* names.c: hash maps from names to pointers, and scopes made of them.
 *
 * Open addressing with linear probing, at most half full.  Names come from untrusted files, so the hash is one that can
 * not be flooded with colliding names by a simple recipe.  Nothing ever depends on the order inside a map. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <string.h>

#include "onnx.h"

static int64_t slot_of(const NameMap *map, const char *key)
{
    int64_t at = (int64_t)(XXH3_64bits(key, strlen(key)) & (uint64_t)(map->room - 1));
    while (map->keys[at] && strcmp(map->keys[at], key))
        at = (at + 1) & (map->room - 1);
    return at;
}

static void grow(NameMap *map)
{
    NameMap old = *map;
    map->room = old.room ? 2 * old.room : 16;
    map->keys = alloc_array(map->room, sizeof *map->keys);
    map->values = alloc_array(map->room, sizeof *map->values);
    for (int64_t k = 0; k < old.room; k++)
        if (old.keys[k]) {
            int64_t at = slot_of(map, old.keys[k]);
            map->keys[at] = old.keys[k];
            map->values[at] = old.values[k];
        }
}

bool name_map_add(NameMap *map, const char *key, void *value)
{
    if (2 * (map->count + 1) > map->room)
        grow(map);
    int64_t at = slot_of(map, key);
    if (map->keys[at])
        return false;
    map->keys[at] = key;
    map->values[at] = value;
    map->count++;
    return true;
}

void **name_map_find(const NameMap *map, const char *key)
{
    if (!map->count)
        return NULL;
    int64_t at = slot_of(map, key);
    return map->keys[at] ? &map->values[at] : NULL;
}

Value **scope_find(const Scope *scope, const char *name)
{
    for (; scope; scope = scope->outer) {
        void **found = name_map_find(&scope->values, name);
        if (found)
            return (Value **)found;
    }
    return NULL;
}
