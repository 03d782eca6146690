import { answer, choice } from "/spa.js";

const show = ({ answered, allowed }) => {
  document.querySelector("#question").hidden = answered;
  document.querySelector("#state").textContent = allowed.join(" ");
};
for (const each of ["accept", "refuse"]) {
  document.querySelector(`#${each}`).addEventListener("click", async () => show(await answer(each)));
}
show(await choice());
