"""The search for perfect play, compiled: alpha-beta with a null window on bitboards.

A search asks one question at a time, "is the score of this position above `alpha`?", and turns it
round for the successors. Whatever must outlive a call lies in arrays of the caller: `tasks` says
what is asked and what is known, `frames` holds the path that is being looked at, `table` answers
found before. So a call may stop after any number of nodes, and the next goes on where it stopped.

Scores are P. Pons's: a win is worth 22 minus the stones that the winner has then played, a loss
the negative of that, a draw 0; always for the side to move.

Source: Pons, "Solving Connect 4: how to build a perfect AI", http://blog.gamesolver.org/, parts 3
to 11; Knuth and Moore 1975, "An Analysis of Alpha-Beta Pruning"; Plaat et al. 1996, "Exploiting
Graph Properties of Game Trees" (enhanced transposition cutoffs); Allis 1988, "A Knowledge-Based
Approach of Connect-Four" (follow-up, there called claimeven).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hamlet.compiled import compiled
from hamlet.envs.connect_four.bits import (
    BOARD,
    BOTTOM,
    CELLS,
    CENTRE_FIRST,
    COLUMNS,
    FIRST_COLUMN,
    HEIGHT,
    count,
    has_four,
    playable,
    winning_cells,
)


class Memory(NamedTuple):
    """What a search works in, all int64 but the scores, which are int8.

    Attributes:
        frames: [FRAMES, FRAME] the path. progress: [PROGRESS]. table: [a power of two] answers.
        book_keys, book_scores: [B] of the opening book, keys rising; empty without a book.
    """

    frames: np.ndarray
    progress: np.ndarray
    table: np.ndarray
    book_keys: np.ndarray
    book_scores: np.ndarray


NO, YES, UNKNOWN = 0, 1, 2
BEST = 21  # no score is above it or below minus it

# A row of `tasks`: a position, what is known of its score, and the window of interest. What is
# known ends in low == high, low >= above or high <= below.
OWN, OCCUPIED, LOW, HIGH, BELOW, ABOVE = range(6)
TASK = 6
# A row of `frames`: a position of the path (OWN and OCCUPIED as in a task) and its open moves.
STONES, ALPHA, KEY, LEFT, MOVES = 2, 3, 4, 5, 6
FRAME, FRAMES = MOVES + COLUMNS, CELLS + 1
# `progress`: the task at hand, the depth of its path or -1, nodes so far, stones up to which the
# book is asked.
ROW, DEPTH, NODES, BOOK_STONES = range(4)
PROGRESS = 4

# An entry of the table: key, then the lowest and the highest score possible, each plus BEST.
BOUND_BITS = 6
BOUND = (1 << BOUND_BITS) - 1
KEY_SHIFT = 2 * BOUND_BITS
HALF = 25  # bits; a key has twice as many
# Odd, of 36 bits: their products with half a key fit into an int64. One that ran over would be
# undefined in compiled code, not merely wrong.
SPREAD_LOWER, SPREAD_UPPER = 0xD1B54A32D, 0x9E3779B97
WAYS = 1  # an entry lies at its place or at the place with this bit turned

LOWER_CELLS = BOTTOM * 0b010101  # first, third and fifth row
UPPER_CELLS = BOTTOM * 0b101010
ASK_SUCCESSORS_BELOW = 36  # stones; nearer to the end searching is cheaper than looking up
SCORE_BITS = 50  # in a sorted move: its worth stands above the cell
CELL = (1 << SCORE_BITS) - 1
OUTER, SECOND, THIRD, MIDDLE = (((1 << HEIGHT) - 1) << (HEIGHT * column) for column in range(4))


@compiled
def table_key(own: int, occupied: int) -> int:
    """`bits.canonical_key`, with columns swapped pairwise: half the instructions."""
    key = own + occupied
    image = ((key & OUTER) << 42) | ((key >> 42) & OUTER) | (key & MIDDLE)
    image |= ((key & SECOND) << 28) | ((key >> 28) & SECOND)
    image |= ((key & THIRD) << 14) | ((key >> 14) & THIRD)
    return min(key, image)


@compiled
def place(key: int, table) -> int:
    """Where an entry belongs; the length of the table is a power of two."""
    spread = (key & ((1 << HALF) - 1)) * SPREAD_LOWER + (key >> HALF) * SPREAD_UPPER
    return (spread >> 24) & (table.shape[0] - 1)


@compiled
def look_up(key: int, table) -> int:
    """The entry of a key; 0 if there is none."""
    index = place(key, table)
    if table[index] >> KEY_SHIFT == key:
        return table[index]
    entry = table[index ^ WAYS]
    return entry if entry >> KEY_SHIFT == key else 0


@compiled
def store(key: int, alpha: int, answer: int, table) -> None:
    """Keep an answer; of two that share a place the older one leaves."""
    index = place(key, table)
    if table[index] >> KEY_SHIFT != key:
        if table[index ^ WAYS] >> KEY_SHIFT == key:
            index ^= WAYS
        else:
            table[index ^ WAYS] = table[index]
    low, high = 0, 2 * BEST
    # An empty place looks like the key of the empty board, which is 0.
    if table[index] and table[index] >> KEY_SHIFT == key:
        low, high = (table[index] >> BOUND_BITS) & BOUND, table[index] & BOUND
    if answer == YES:
        low = max(low, alpha + 1 + BEST)
    else:
        high = min(high, alpha + BEST)
    table[index] = (key << KEY_SHIFT) | (low << BOUND_BITS) | high


@compiled
def safe_moves(own: int, occupied: int) -> int:
    """Cells to which the opponent has no winning reply, if the mover cannot win at once."""
    threats = winning_cells(own ^ occupied, occupied)
    moves = playable(occupied)
    forced = moves & threats
    if forced:
        if forced & (forced - 1):
            return 0
        moves = forced
    return moves & ~(threats >> 1)


@compiled
def held_by_follow_up(own: int, occupied: int, alpha: int) -> bool:
    """Whether answering each stone in its own column keeps the score at `alpha` or below.

    With an even number of stones in every column the opponent can do so to the end. The mover then
    gets the lower cell of each empty pair and the opponent the upper one.
    """
    if alpha < -1 or playable(occupied) & UPPER_CELLS:
        return False
    empty = BOARD ^ occupied
    if has_four(own | (empty & LOWER_CELLS)):
        return False
    return alpha >= 0 or has_four((own ^ occupied) | (empty & UPPER_CELLS))


@compiled
def book_answer(key: int, alpha: int, book_keys, book_scores) -> int:
    low, high = 0, book_keys.shape[0]
    while low < high:
        middle = (low + high) >> 1
        if book_keys[middle] < key:
            low = middle + 1
        else:
            high = middle
    if low == book_keys.shape[0] or book_keys[low] != key:
        return UNKNOWN
    return YES if book_scores[low] > alpha else NO


@compiled
def by_rules(own: int, occupied: int, stones: int, alpha: int, moves: int) -> int:
    """What needs no search: how soon or late the game can end, and follow-up."""
    if moves == 0:
        return YES if -((CELLS - stones) // 2) > alpha else NO
    if stones >= CELLS - 2:  # neither side can win any more
        return YES if alpha < 0 else NO
    if -((CELLS - 2 - stones) // 2) > alpha:
        return YES
    if (CELLS - 1 - stones) // 2 <= alpha or held_by_follow_up(own, occupied, alpha):
        return NO
    return UNKNOWN


@compiled
def by_memory(memory: Memory, key: int, stones: int, alpha: int) -> int:
    """What the table or the book knows."""
    entry = look_up(key, memory.table)
    if entry:
        if ((entry >> BOUND_BITS) & BOUND) - BEST > alpha:
            return YES
        if (entry & BOUND) - BEST <= alpha:
            return NO
    if stones <= memory.progress[BOOK_STONES]:
        return book_answer(key, alpha, memory.book_keys, memory.book_scores)
    return UNKNOWN


@compiled
def refuted(own: int, occupied: int, alpha: int, moves: int, table) -> bool:
    """Whether the table knows a successor that is bad enough for the opponent."""
    while moves:
        move = moves & -moves
        moves ^= move
        entry = look_up(table_key(own ^ occupied, occupied | move), table)
        if entry and (entry & BOUND) - BEST <= -alpha - 1:
            return True
    return False


@compiled
def line_up(frames, depth: int, moves: int) -> None:
    """Sort the open moves, the one to be tried first last: by threats made, then by the centre."""
    own, occupied = frames[depth, OWN], frames[depth, OCCUPIED]
    left = 0
    for rank in range(COLUMNS - 1, -1, -1):
        move = moves & (FIRST_COLUMN << (HEIGHT * CENTRE_FIRST[rank]))
        if move:
            worth = count(winning_cells(own | move, occupied))
            slot = MOVES + left
            while slot > MOVES and frames[depth, slot - 1] >> SCORE_BITS > worth:
                frames[depth, slot] = frames[depth, slot - 1]
                slot -= 1
            frames[depth, slot] = (worth << SCORE_BITS) | move
            left += 1
    frames[depth, LEFT] = left


@compiled
def enter(memory: Memory, depth: int) -> int:
    """Answer the question of a frame, or line up the moves by which it will be answered."""
    frames = memory.frames
    own, occupied = frames[depth, OWN], frames[depth, OCCUPIED]
    stones, alpha = frames[depth, STONES], frames[depth, ALPHA]
    moves = safe_moves(own, occupied)
    answer = by_rules(own, occupied, stones, alpha, moves)
    if answer != UNKNOWN:
        return answer
    key = table_key(own, occupied)
    frames[depth, KEY] = key
    if moves & (moves - 1) == 0:
        frames[depth, MOVES], frames[depth, LEFT] = moves, 1
        return UNKNOWN
    answer = by_memory(memory, key, stones, alpha)
    if answer != UNKNOWN:
        return answer
    if stones < ASK_SUCCESSORS_BELOW and refuted(own, occupied, alpha, moves, memory.table):
        return YES
    line_up(frames, depth, moves)
    return UNKNOWN


@compiled
def leave(memory: Memory, depth: int, below: int) -> int:
    """What the answer of a successor says: YES as soon as one says no, NO if none is left."""
    frames = memory.frames
    if below == YES and frames[depth, LEFT] > 0:
        return UNKNOWN
    answer = NO if below == YES else YES
    store(frames[depth, KEY], frames[depth, ALPHA], answer, memory.table)
    return answer


@compiled
def descend(frames, depth: int) -> None:
    """Play the next move: the frame below is the successor, asked the opposite."""
    left = frames[depth, LEFT] - 1
    frames[depth, LEFT] = left
    own, occupied = frames[depth, OWN], frames[depth, OCCUPIED]
    frames[depth + 1, OWN] = own ^ occupied
    frames[depth + 1, OCCUPIED] = occupied | (frames[depth, MOVES + left] & CELL)
    frames[depth + 1, STONES] = frames[depth, STONES] + 1
    frames[depth + 1, ALPHA] = -frames[depth, ALPHA] - 1


@compiled
def search(memory: Memory, most_nodes: int) -> int:
    """Answer the question of frame 0, going on from `progress`; UNKNOWN where the nodes ran out."""
    progress = memory.progress
    depth = progress[DEPTH]
    while progress[NODES] < most_nodes:
        progress[NODES] += 1
        answer = enter(memory, depth)
        while answer != UNKNOWN:
            if depth == 0:
                return answer
            depth -= 1
            answer = leave(memory, depth, answer)
        descend(memory.frames, depth)
        depth += 1
    progress[DEPTH] = depth
    return UNKNOWN
