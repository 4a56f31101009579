"""The Gymnasium environment `hayago/Go-v0`, single and vectorised, with its opponents.

Importing this package registers the environment, and so does `import hayago` after `import gymnasium`;
`gymnasium.make("hayago.envs:hayago/Go-v0")` does so by itself. Open go_env.py first.
"""

import gymnasium

gymnasium.register(
    "hayago/Go-v0", entry_point="hayago.envs.go_env:GoEnv", vector_entry_point="hayago.envs.vector_env:GoVectorEnv"
)
