# hayago's light installation on a CPU. Not built yet: no builder was at hand where it was written.
#
#   docker build -t hayago .
#   docker run --rm -p 8361:8361 hayago                      the page, at http://127.0.0.1:8361/
#   docker run --rm -i hayago gtp                            for a Go program
#   docker run --rm -v "$PWD:/games" hayago evaluate /games/my-games.sgf
FROM python:3.13-slim

COPY . /source
RUN pip install --no-cache-dir -c /source/constraints.txt /source && rm -rf /source
RUN useradd --create-home player
USER player
WORKDIR /home/player

EXPOSE 8361
ENTRYPOINT ["hayago"]
CMD ["web", "--host", "0.0.0.0", "--no-browser"]
