"""Environments of Gymnasium, and an agent that learns in one. A step that is timed is STEPS steps of the environment.

The agent is CleanRL's dqn.py with its settings, at its last ε, without what it logs; in the variants `lean` without its vector of
one environment, without the graph of acting, and without copies of observations that nobody needs.
"""

import random

import gymnasium as gym
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import shared
from networks import CartPoleNet
from task import Task, adam, start

STEPS = 1000
COMPARED = 5
"""Actions that are compared, too few for a pole to fall."""

EPSILON, GAMMA, BATCH = 0.05, 0.99, 128
BUFFER, TRAIN_EVERY, TARGET_EVERY = 10_000, 10, 500


class Memory:
    """A ring of transitions, as Stable-Baselines3's ReplayBuffer keeps them."""

    def __init__(self):
        self.observations, self.following = (np.zeros((BUFFER, 4), np.float32) for _ in range(2))
        self.actions = np.zeros((BUFFER, 1), np.int64)
        self.rewards, self.dones = (np.zeros(BUFFER, np.float32) for _ in range(2))
        self.position = 0

    def add(self, observation, following, action, reward, done):
        place = self.position
        self.observations[place], self.following[place] = observation, following
        self.actions[place], self.rewards[place], self.dones[place] = action, reward, done
        self.position = (place + 1) % BUFFER

    def sample(self):
        rows = np.random.randint(0, BUFFER, size=BATCH)
        arrays = (self.observations, self.following, self.actions, self.rewards, self.dones)
        return [torch.from_numpy(array[rows]) for array in arrays]


class Agent:
    def __init__(self, variant):
        self.network, self.target = CartPoleNet(), CartPoleNet()
        start(self.target)
        self.optimizer = adam(variant, lr=2.5e-4)(self.network.parameters())
        self.memory = Memory()
        self.count = 0
        self.learning = False

    def update(self, observations, following, actions, rewards, dones):
        with torch.no_grad():
            best, _ = self.target(following).max(dim=1)
            wanted = rewards + GAMMA * best * (1 - dones)
        loss = F.mse_loss(wanted, self.network(observations).gather(1, actions).squeeze())
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return {"loss": loss}

    def after_step(self):
        self.count += 1
        if self.learning:
            if self.count % TRAIN_EVERY == 0:
                self.update(*self.memory.sample())
            if self.count % TARGET_EVERY == 0:
                self.target.load_state_dict(self.network.state_dict())


class Plain(Agent):
    """As CleanRL writes it."""

    def __init__(self, variant):
        super().__init__(variant)

        def make():
            return gym.wrappers.RecordEpisodeStatistics(gym.make("CartPole-v1"))

        self.envs = gym.vector.SyncVectorEnv([make], autoreset_mode=gym.vector.AutoresetMode.SAME_STEP)
        self.observations, _ = self.envs.reset(seed=0)

    def run(self, steps):
        for _ in range(steps):
            if random.random() < EPSILON:
                actions = np.array([self.envs.single_action_space.sample()])
            else:
                actions = torch.argmax(self.network(torch.Tensor(self.observations)), dim=1).numpy()
            following, rewards, terminations, truncations, infos = self.envs.step(actions)
            real = following.copy()
            for place, (terminated, truncated) in enumerate(zip(terminations, truncations)):
                if terminated or truncated:
                    real[place] = infos["final_obs"][place]
            self.memory.add(self.observations[0], real[0], actions[0], rewards[0], terminations[0])
            self.observations = following
            self.after_step()


class Lean(Agent):
    def __init__(self, variant):
        super().__init__(variant)
        self.env = gym.make("CartPole-v1")
        self.observation, _ = self.env.reset(seed=0)

    def run(self, steps):
        for _ in range(steps):
            if random.random() < EPSILON:
                action = random.randrange(2)
            else:
                with torch.inference_mode():
                    action = self.network(torch.from_numpy(self.observation)).argmax().item()
            following, reward, terminated, truncated, _ = self.env.step(action)
            self.memory.add(self.observation, following, action, reward, terminated)
            self.observation = self.env.reset()[0] if terminated or truncated else following
            self.after_step()


def dqn_cart_pole(variant):
    agent = (Lean if "lean" in variant else Plain)(variant)
    states, following = shared.input("states", 128, 4), shared.input("next", 128, 4)
    actions, rewards = shared.labels("actions", 128, 2).unsqueeze(1), shared.input("rewards", 128)
    dones = (shared.labels("done", 128, 10) == 0).float()

    def step():
        agent.run(STEPS)

    def check(number):
        results = agent.update(states, following, actions, rewards, dones)
        if number == 3:
            # The memory is full before anything is timed.
            agent.run(BUFFER)
            agent.learning = True
        return results

    return Task(step, agent.network, check)


def cart_pole_steps(_):
    env = gym.make("CartPole-v1")
    env.reset(seed=0)
    env.action_space.seed(0)

    def step():
        for _ in range(STEPS):
            _, _, terminated, truncated, _ = env.step(env.action_space.sample())
            if terminated or truncated:
                env.reset()

    def check(number):
        other = gym.make("CartPole-v1")
        other.reset()
        other.unwrapped.state = starts(number, 1)[0]
        for action in shared.labels("actions", COMPARED, 2).tolist():
            other.step(action)
        return {"state": torch.tensor(np.array(other.unwrapped.state))}

    return Task(step, None, check)


def cart_pole_steps_of_8(variant):
    mode = "vector_entry_point" if variant == "native" else "sync"
    envs = gym.make_vec("CartPole-v1", num_envs=8, vectorization_mode=mode)
    envs.reset(seed=0)
    envs.action_space.seed(0)

    def step():
        for _ in range(STEPS):
            envs.step(envs.action_space.sample())

    def check(number):
        others = gym.make_vec("CartPole-v1", num_envs=8, vectorization_mode=mode)
        others.reset()
        if variant == "native":
            others.unwrapped.state = np.array(starts(number, 8)).T
        else:
            for env, state in zip(others.unwrapped.envs, starts(number, 8)):
                env.unwrapped.state = state
        for actions in shared.labels("actions", COMPARED * 8, 2).numpy().reshape(COMPARED, 8):
            others.step(actions)
        states = others.unwrapped.state.T if variant == "native" else [env.unwrapped.state for env in others.unwrapped.envs]
        return {"state": torch.tensor(np.array(states))}

    return Task(step, None, check)


ALPHA, TAXI_EPSILON = 0.1, 0.1


def q_learning_taxi(variant):
    """Q-learning from a table of zeros, as tutorials write it; `lean` keeps the table in lists and leaves out Gymnasium's checks."""
    lean = "lean" in variant
    env = gym.make("Taxi-v4", disable_env_checker=True) if lean else gym.make("Taxi-v4")
    env.reset(seed=0)
    env.action_space.seed(0)

    def update_array(q, state, action, reward, following, terminated):
        best = 0 if terminated else np.max(q[following])
        q[state, action] += ALPHA * (reward + GAMMA * best - q[state, action])

    def update_lists(q, state, action, reward, following, terminated):
        best = 0 if terminated else max(q[following])
        row = q[state]
        row[action] += ALPHA * (reward + GAMMA * best - row[action])

    def learn_with_array():
        q = np.zeros((500, 6))
        state, _ = env.reset()
        for _ in range(STEPS):
            if random.random() < TAXI_EPSILON:
                action = env.action_space.sample()
            else:
                action = np.argmax(q[state])
            following, reward, terminated, truncated, _ = env.step(action)
            update_array(q, state, action, reward, following, terminated)
            state = env.reset()[0] if terminated or truncated else following

    def learn_with_lists():
        q = [[0.0] * 6 for _ in range(500)]
        state, _ = env.reset()
        for _ in range(STEPS):
            if random.random() < TAXI_EPSILON:
                action = random.randrange(6)
            else:
                row = q[state]
                action = row.index(max(row))
            following, reward, terminated, truncated, _ = env.step(action)
            update_lists(q, state, action, reward, following, terminated)
            state = env.reset()[0] if terminated or truncated else following

    def check(number):
        first = shared.input(f"table {number}", 500, 6).numpy().astype(np.float64)
        q = first.tolist() if lean else first.copy()
        update = update_lists if lean else update_array
        states, actions = (shared.labels(f"{name} {number}", STEPS, n).tolist() for name, n in (("states", 500), ("actions", 6)))
        for state, action in zip(states, actions):
            env.reset()
            env.unwrapped.s = state
            following, reward, terminated, _, _ = env.step(action)
            update(q, state, action, reward, following, terminated)
        return {"change": torch.from_numpy(np.array(q) - first)}

    return Task(learn_with_lists if lean else learn_with_array, None, check)


def starts(number, n):
    """States near the middle, nearly upright."""
    return shared.input(f"start {number}", n, 4).numpy().astype(np.float64) * 0.05
