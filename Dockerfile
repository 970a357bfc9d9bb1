# A static graphwarden as a user without rights. It listens on every interface of the container, so it asks clients for the
# password in GRAPHWARDEN_PROXY_PASSWORD; the CA and whatever else is kept are on the volume /data.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -buildid=' -o /out/graphwarden ./cmd/graphwarden \
 && mkdir -p /out/data /out/tmp && chmod 1777 /out/tmp

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/graphwarden /graphwarden
COPY --from=build --chown=65532:65532 /out/data /data
COPY --from=build /out/tmp /tmp
ENV HOME=/data XDG_CONFIG_HOME=/data/config
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["/graphwarden", "doctor", "--healthcheck", "http://127.0.0.1:8080"]
ENTRYPOINT ["/graphwarden"]
CMD ["serve", "--listen", "0.0.0.0:8080", "--log", "json"]
