"""What the OpenAPI document says of an operation, beside what FastAPI writes by itself."""
