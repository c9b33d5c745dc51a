"""MiniCPM-V 2.6's image_processing_minicpmv.py, with names of its own, for make.py and make_navit.py."""
import math


def ensure_divide(length, patch): return max(round(length / patch) * patch, patch)


def find_best_resize(size, scale, patch, allow_upscale=False):
    width, height = size
    if width * height > scale * scale or allow_upscale:
        r = width / height
        height = int(scale / math.sqrt(r))
        width = int(height * r)
    return ensure_divide(width, patch), ensure_divide(height, patch)


def get_sliced_grid(size, most, scale):
    width, height = size
    log_ratio, ratio = math.log(width / height), width * height / (scale * scale)
    multiple = min(math.ceil(ratio), most)
    if multiple <= 1:
        return None
    candidates = []
    for n in [multiple - 1, multiple, multiple + 1]:
        if n == 1 or n > most:
            continue
        candidates += [[m, n // m] for m in range(1, n + 1) if n % m == 0]
    best, least = [1, 1], float('inf')
    for grid in candidates:
        error = abs(log_ratio - math.log(grid[0] / grid[1]))
        if error < least:
            best, least = grid, error
    return best


def get_refine_size(size, grid, scale, patch):
    width, height = ensure_divide(size[0], grid[0]), ensure_divide(size[1], grid[1])
    best = find_best_resize((width / grid[0], height / grid[1]), scale, patch, True)
    return best[0] * grid[0], best[1] * grid[1]
