/**
 * The service's errors: a status, a qualified type and a message. Names and statuses are those of DynamoDB's API reference,
 * "Common errors"; the namespaces are what the service puts on the wire and what official clients cut off at the `#`.
 */
import type { Item } from "../../api.ts";

const coral = "com.amazon.coral.service#";
const dynamo = "com.amazonaws.dynamodb.v20120810#";

export class ServiceError extends Error {
  readonly status: number;
  readonly type: string;
  /** The item that a failed condition was tested on, when the client asked for it. */
  readonly item: Item | undefined;

  constructor(status: number, type: string, message: string, item?: Item) {
    super(message);
    this.status = status;
    this.type = type;
    this.item = item;
  }
}

/** The body of an error answer. SerializationException alone spells its `Message` with a capital, as the service does. */
export function errorBody(error: ServiceError): string {
  if (error.message === "" && error.type.startsWith(coral)) return JSON.stringify({ __type: error.type });
  if (error.type === `${coral}SerializationException`) {
    return JSON.stringify({ __type: error.type, Message: error.message });
  }
  return JSON.stringify({ __type: error.type, message: error.message, Item: error.item });
}

export function validation(message: string): ServiceError {
  return new ServiceError(400, "com.amazon.coral.validate#ValidationException", message);
}

export function serialization(message: string): ServiceError {
  return new ServiceError(400, `${coral}SerializationException`, message);
}

export function unknownOperation(message = ""): ServiceError {
  return new ServiceError(400, `${coral}UnknownOperationException`, message);
}

export function missingToken(): ServiceError {
  const message = "Request is missing Authentication Token";
  return new ServiceError(400, `${coral}MissingAuthenticationTokenException`, message);
}

export function incompleteSignature(message: string): ServiceError {
  return new ServiceError(400, `${coral}IncompleteSignatureException`, message);
}

export function bodyTooLarge(limitBytes: number): ServiceError {
  const message = `The request body is too large: expected at most ${limitBytes} bytes`;
  return new ServiceError(413, `${coral}RequestEntityTooLargeException`, message);
}

export function headersTooMany(limit: number): ServiceError {
  return new ServiceError(
    431,
    `${coral}RequestHeaderFieldsTooLargeException`,
    `The request has more than ${limit} headers`,
  );
}

export function resourceNotFound(message: string): ServiceError {
  return new ServiceError(400, `${dynamo}ResourceNotFoundException`, message);
}

export function resourceInUse(message: string): ServiceError {
  return new ServiceError(400, `${dynamo}ResourceInUseException`, message);
}

export function conditionFailed(item: Item | undefined): ServiceError {
  return new ServiceError(400, `${dynamo}ConditionalCheckFailedException`, "The conditional request failed", item);
}

export function throughputExceeded(): ServiceError {
  const message =
    "The level of configured provisioned throughput for the table was exceeded. " +
    "Consider increasing your provisioning level with the UpdateTable API.";
  return new ServiceError(400, `${dynamo}ProvisionedThroughputExceededException`, message);
}

export function throttling(message: string): ServiceError {
  return new ServiceError(400, "com.amazon.coral.availability#ThrottlingException", message);
}

export function internal(message: string): ServiceError {
  return new ServiceError(500, `${dynamo}InternalServerError`, message);
}

export function unavailable(message: string): ServiceError {
  return new ServiceError(503, `${coral}ServiceUnavailableException`, message);
}
