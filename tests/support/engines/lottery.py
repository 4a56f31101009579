"""A GTP engine that plays by lot on vertices where nobody has played, and has one habit, named by its argument.

fair      none
resign    resigns at its third move
sulk      resigns at its first
die       ends instead of its third move
hang      gives no answer instead of it
illegal   plays its third move where the opponent has just played
nonsense  answers its third move with no vertex

It takes set_random_seed, and appends all commands to the file named by the second argument, where there is one.
"""

import random
import sys
import time

habit, log = sys.argv[1], sys.argv[2:]
draw = random.Random(0)
size, used, asked = 19, [], 0


def genmove():
    global asked
    asked += 1
    if habit == "sulk":
        return "resign"
    if asked == 3 and habit == "die":
        sys.exit(3)
    if asked == 3 and habit == "hang":
        time.sleep(60)
    if asked == 3 and habit != "fair":
        return {"resign": "resign", "illegal": used[-1] if used else "A1", "nonsense": "north"}[habit]
    free = [
        f"{column}{row + 1}"
        for column in "ABCDEFGHJKLMNOPQRST"[:size]
        for row in range(size)
        if f"{column}{row + 1}" not in used
    ]
    used.append(draw.choice(free) if free else "PASS")
    return used[-1]


for line in sys.stdin:
    command, *words = line.split()
    if log:
        with open(log[0], "a") as file:  # noqa: PTH123 - starts quicker
            file.write(line)
    reply = ""
    if command == "known_command":
        reply = str(words[0] == "set_random_seed").lower()
    elif command == "set_random_seed":
        draw.seed(int(words[0]))
    elif command == "boardsize":
        size = int(words[0])
    elif command == "clear_board":
        used.clear()
        asked = 0
    elif command == "play":
        used.append(words[1])
    elif command == "genmove":
        reply = genmove()
    sys.stdout.write(f"= {reply}\n\n")
    sys.stdout.flush()
    if command == "quit":
        break
