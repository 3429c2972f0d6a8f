"""Many positions, question by question: what a search is asked next, compiled."""

from __future__ import annotations

from hamlet.compiled import compiled
from hamlet.envs.connect_four.bits import (
    BOARD,
    BOTTOM,
    CELLS,
    count,
    has_four,
    playable,
    winning_cells,
)
from hamlet.search.solver_kernel import (
    ABOVE,
    ALPHA,
    BELOW,
    DEPTH,
    HIGH,
    LOW,
    OCCUPIED,
    OWN,
    ROW,
    STONES,
    UNKNOWN,
    YES,
    Memory,
    search,
)


@compiled
def is_position(own: int, occupied: int) -> bool:
    """Whether stones stand on stones, as many of each side as turns say, and the side to move has
    no four."""
    if occupied & ~BOARD or own & ~occupied or occupied & (occupied + BOTTOM):
        return False
    return count(own) == count(occupied) // 2 and not has_four(own)


@compiled
def begin(tasks) -> int:
    """Write into every task what the rules alone say of its score.

    Returns: the first row that is no position, -1 if there is none.
    """
    for row in range(tasks.shape[0]):
        own, occupied = tasks[row, OWN], tasks[row, OCCUPIED]
        if not is_position(own, occupied):
            return row
        stones = count(occupied)
        low, high = -((CELLS - stones) // 2), (CELLS - 1 - stones) // 2
        if has_four(own ^ occupied):
            low = high = -((CELLS + 2 - stones) // 2)
        elif stones == CELLS:
            low = high = 0
        elif winning_cells(own, occupied) & playable(occupied):
            low = high = (CELLS + 1 - stones) // 2
        tasks[row, LOW], tasks[row, HIGH] = low, high
    return -1


@compiled
def ask(tasks, row: int, frames) -> bool:
    """Put the next question about a task into frame 0; False if nothing of interest is open.

    Questions go from short games to long ones on either side, since short ones cost little.
    """
    low = max(tasks[row, LOW], tasks[row, BELOW])
    high = min(tasks[row, HIGH], tasks[row, ABOVE])
    if low >= high:
        return False
    alpha = (low + high) // 2
    if alpha <= 0:
        alpha = min(alpha, -(-low // 2))
    if alpha >= 0:
        alpha = max(alpha, high // 2)
    frames[0, OWN], frames[0, OCCUPIED] = tasks[row, OWN], tasks[row, OCCUPIED]
    frames[0, STONES] = count(tasks[row, OCCUPIED])
    frames[0, ALPHA] = alpha
    return True


@compiled
def solve_tasks(tasks, memory: Memory, most_nodes: int) -> bool:
    """Narrow the tasks down, in order, from where `progress` stands.

    Returns: True when all are done, False where `most_nodes` were looked at before.
    """
    progress, frames = memory.progress, memory.frames
    while progress[ROW] < tasks.shape[0]:
        row = progress[ROW]
        if progress[DEPTH] < 0:
            if not ask(tasks, row, frames):
                progress[ROW] += 1
                continue
            progress[DEPTH] = 0
        answer = search(memory, most_nodes)
        if answer == UNKNOWN:
            return False
        progress[DEPTH] = -1
        if answer == YES:
            tasks[row, LOW] = frames[0, ALPHA] + 1
        else:
            tasks[row, HIGH] = frames[0, ALPHA]
    return True
