// The server's API, as src/hayago/web/schema.py has it: JSON over HTTP, errors as one line.

export class ApiError extends Error {
  constructor(status, line, path) {
    super(line);
    this.status = status;
    this.path = path;
  }
}

async function request(method, path, body, type) {
  let response;
  try {
    response = await fetch(`api/${path}`, { method, body, headers: type ? { "Content-Type": type } : {} });
  } catch {
    throw new ApiError(0, "The server does not answer. Is `hayago web` still running?", path);
  }
  const answer = await response.json().catch(() => null);
  if (response.ok) return answer;
  const line = typeof answer?.detail === "string" ? answer.detail : `The server answers ${response.status}`;
  throw new ApiError(response.status, line, path);
}

export const get = (path) => request("GET", path);
export const post = (path, body = {}) => request("POST", path, JSON.stringify(body), "application/json");
export const postFile = (path, file) => request("POST", path, file, "application/x-go-sgf");
export const gameAddress = (game, rest = "") => `games/${encodeURIComponent(game.id)}${rest}`;
export const sgfAddress = (game) => `api/${gameAddress(game, "/sgf")}`;
