"""A game in the Gymnasium environment, played at random: python examples/gymnasium_loop.py"""

import gymnasium

import hayago.envs  # noqa: F401 - registers hayago/Go-v0

env = gymnasium.make("hayago/Go-v0", board_size=9, opponent="random", render_mode="ansi")
observation, info = env.reset(seed=1)
env.action_space.seed(1)
over = False
while not over:
    action = env.action_space.sample(info["action_mask"])
    observation, reward, terminated, truncated, info = env.step(action)
    over = terminated or truncated

print(env.render())
print("won" if reward > 0 else "lost" if reward < 0 else "a draw", f"with a score of {info.get('score')}")
