# The program and what it needs to run: agents, coordinators and the command line. Not built by the tests.
FROM node:26-slim
WORKDIR /wavetank
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev && npm cache clean --force
COPY bin bin
COPY backend backend
COPY workloads workloads
COPY experiments experiments
COPY reports reports
COPY runners runners
USER node
ENTRYPOINT ["node", "/wavetank/bin/wavetank.js"]
