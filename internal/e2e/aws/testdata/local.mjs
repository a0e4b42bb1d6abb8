// Walks a state machine for each case that standard input names, and prints the states that each entered.
// Tasks are answered at the endpoint, as for the other two that walk it.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const [folder, definitionFile, endpoint] = process.argv.slice(2);
const require = createRequire(path.join(folder, 'package.json'));
const { StateMachine } = require('aws-local-stepfunctions');
const definition = JSON.parse(readFileSync(definitionFile, 'utf8'));

const named = (type, name) => Object.keys(definition.States).filter((s) => definition.States[s].Type === type).map((s) => [s, name]);
const invoke = async ({ FunctionName, Payload }) => {
  const url = `${endpoint}/2015-03-31/functions/${encodeURIComponent(FunctionName)}/invocations`;
  const res = await fetch(url, { method: 'POST', body: JSON.stringify(Payload) });
  const answer = await res.json();
  if (res.headers.get('x-amz-function-error')) {
    const error = new Error(answer.errorMessage);
    error.name = answer.errorType;
    throw error;
  }
  // A task token has no meaning here: what the endpoint tells such a task is the answer to the token.
  return Payload.token ? answer : { StatusCode: 200, Payload: answer };
};

const ids = JSON.parse(readFileSync(0, 'utf8'));
const machine = new StateMachine(definition, { validationOptions: { checkArn: false } });
const out = {};
for (const id of ids) {
  const run = machine.run({ id }, {
    overrides: {
      taskResourceLocalHandlers: Object.fromEntries(named('Task', invoke)),
      retryIntervalOverrides: Object.fromEntries(named('Task', 0)),
    },
    context: { Task: { Token: 'local#' + id } },
  });
  run.result.catch(() => {}); // an execution that fails is a path like any other
  const entered = [];
  let status = '';
  for await (const event of run.eventLogs) {
    if (event.type === 'StateEntered') entered.push(event.state.name);
    if (event.type.startsWith('Execution')) status = event.type;
  }
  out[id] = { path: entered, status };
}
console.log(JSON.stringify(out));
