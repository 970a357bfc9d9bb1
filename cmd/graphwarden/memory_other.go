//go:build !linux

package main

// dropStartCode is for Linux alone.
func dropStartCode() {}
