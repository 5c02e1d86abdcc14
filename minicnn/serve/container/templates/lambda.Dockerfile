# The same image for AWS Lambda, made on top of it:
#     docker build -t @{name}:1 . && docker build -t @{name}:lambda -f lambda.Dockerfile .
# AWS' Lambda Web Adapter hands events on to the server as the requests that they were, so that
# Lambda answers what the container answers everywhere else, and there is no handler to keep.
FROM @{name}:1
COPY --from=public.ecr.aws/awsguru/aws-lambda-adapter:1.0.0 /lambda-adapter /opt/extensions/lambda-adapter
# Who may call is for Lambda to say, by IAM.
ENV SERVE_OPTIONS=--no-token AWS_LWA_PORT=8080 AWS_LWA_READINESS_CHECK_PATH=/v2/health/ready
