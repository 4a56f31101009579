"""A GTP engine that is asked for moves and has one habit, named by its argument; `hayago evaluate` must live with each.

reg, undo, again    answers the vertex of column C one row above the number of moves, by reg_genmove; by genmove and
                    undo; by genmove alone
stuck, tired        like undo, but refuses to undo; resigns at every third question
die, hang, junk     does so at every third question
slow                hangs at every question
nonsense, illegal, resign, refuse    answers with no vertex, an occupied point, "resign"; takes no move of the 2nd on
"""

import os
import sys
import time

habit = sys.argv[1]
UNDOING = "undo", "stuck", "tired"
KNOWN = [] if habit == "again" else ["undo"] if habit in UNDOING else ["reg_genmove"]
moves: list[tuple[str, str]] = []
asked = 0


def answer(command, words):
    global asked
    if command == "known_command":
        return str(words[0] in KNOWN).lower()
    if command == "clear_board":
        moves.clear()
    elif command == "play":
        if habit == "refuse" and len(moves) == 1:
            raise ValueError("illegal move")
        moves.append(words[1])
    elif command == "undo":
        if habit == "stuck":
            raise ValueError("cannot undo")
        moves.pop()
    elif command in ("reg_genmove", "genmove"):
        asked += 1
        if habit == "slow":
            time.sleep(60)
        if asked % 3 == 0:
            if habit == "die":
                os._exit(3)
            if habit == "hang":
                time.sleep(60)
            if habit == "junk":
                sys.stdout.write("and that is all\n")
            if habit == "tired":
                return "resign"
        vertex = {"nonsense": "north", "illegal": moves[0] if moves else "A1", "resign": "resign"}.get(habit)
        vertex = vertex or f"C{len(moves) + 1}"
        if command == "genmove":
            moves.append(vertex)
        return vertex
    return ""


for line in sys.stdin:
    command, *words = line.split()
    try:
        reply = f"= {answer(command, words)}"
    except ValueError as error:
        reply = f"? {error}"
    sys.stdout.write(reply + "\n\n")
    sys.stdout.flush()
    if command == "quit":
        break
