# One change by each of Python's ways: client.py LIBRARY METHOD URL AUTHORIZATION BODY. Prints the status, then the body.
import asyncio, sys, urllib.error, urllib.request

library, method, url, authorization, body = sys.argv[1:]
headers = {"Authorization": authorization, "Content-Type": "application/json"}


def by_urllib():
    request = urllib.request.Request(url, body.encode(), headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.read().decode()


def by_requests():
    import requests
    answer = requests.request(method, url, headers=headers, data=body, timeout=30)
    return answer.status_code, answer.text


def by_httpx():
    import httpx
    answer = httpx.request(method, url, headers=headers, content=body, timeout=30)
    return answer.status_code, answer.text


def by_aiohttp():
    import aiohttp

    async def chunks():  # azure-core sends bodies of unknown length
        yield body.encode()

    async def change():
        async with aiohttp.ClientSession(trust_env=True) as session:
            async with session.request(method, url, headers=headers, data=chunks()) as answer:
                return answer.status, await answer.text()

    return asyncio.run(change())


status, text = {"urllib": by_urllib, "requests": by_requests, "httpx": by_httpx, "aiohttp": by_aiohttp}[library]()
print(status)
print(text)
