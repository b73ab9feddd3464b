# SPDX-License-Identifier: MIT
"""What python3 does in scripts/bench: records as dicts, through JSON and back, and counted."""
import json
import sys


def main():
    count = int(sys.argv[1])
    words = {}
    total = 0
    for batch in range(count):
        records = [
            {"id": i, "name": f"item {i * 7919 % 1009}", "tags": [str(i % 7), str(i % 11)],
             "price": i * 31 % 10007 / 100}
            for i in range(batch, batch + 200)
        ]
        text = json.dumps(records, indent=1)
        for record in json.loads(text):
            for word in record["name"].split() + record["tags"]:
                words[word] = words.get(word, 0) + 1
            total += int(record["price"] * 100)
        total += len(" ".join(sorted(line.strip() for line in text.splitlines())))
    top = sorted(words.items(), key=lambda item: (-item[1], item[0]))[:5]
    print(total, len(words), top)


if __name__ == "__main__":
    main()
