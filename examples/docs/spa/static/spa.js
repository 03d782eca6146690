const ADDRESS = "/cookies/choice.json";

/** What holds: {answered, allowed, categories, ...} */
export async function choice() {
  const response = await fetch(ADDRESS);
  return response.json();
}

/** answer("accept"), answer("refuse"), answer("save", {statistics: true}) */
export async function answer(answer, allow) {
  const response = await fetch(ADDRESS, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(allow ? { answer, allow } : { answer }),
  });
  if (!response.ok) throw new Error(`the choice was not taken: ${response.status}`);
  return response.json();
}
